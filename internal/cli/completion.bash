# shellcheck shell=bash
# Completion of PROGRAM for bash, written by `PROGRAM completion bash`.

_FUNCTION() {
	local program=PROGRAM kind='' count=0 answer
	# The one that is typed, where that is a path.
	if [[ ${1-} == */* && -x ${1-} ]]; then
		program=$1
	fi
	COMPREPLY=()
	while IFS= read -r answer; do
		if [[ -z $kind ]]; then
			kind=$answer
		else
			COMPREPLY[count]=$answer
			count=$((count + 1))
		fi
	done < <(command "$program" __complete bash "${COMP_LINE:0:COMP_POINT}" "${2-}" 2>/dev/null)
	# Before bash 4 there is no compopt, and a file is completed without a slash or quotes.
	case $kind in
	parts)
		compopt -o nospace -o nosort 2>/dev/null || compopt -o nospace 2>/dev/null
		;;
	words)
		compopt -o nosort 2>/dev/null # ours is the order of addresses; since bash 4.4
		;;
	files)
		compopt -o default 2>/dev/null || IFS=$'\n' read -r -d '' -a COMPREPLY < <(compgen -f -- "${2-}")
		;;
	folders)
		compopt -o dirnames 2>/dev/null || IFS=$'\n' read -r -d '' -a COMPREPLY < <(compgen -d -- "${2-}")
		;;
	esac
	return 0
}

complete -F _FUNCTION PROGRAM
