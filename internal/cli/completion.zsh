#compdef PROGRAM
# Completion of PROGRAM for zsh, written by `PROGRAM completion zsh`.

_FUNCTION() {
	local program=PROGRAM kind line
	local -a answer values shown suffix
	# The one that is typed, where that is a path.
	[[ $words[1] == */* && -x $words[1] ]] && program=$words[1]
	answer=("${(@f)$(command $program __complete zsh "${(@)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
	kind=$answer[1]
	case $kind in
	files)
		compset -P '--[^=]#='
		_files && return 0
		return 1
		;;
	folders)
		compset -P '--[^=]#='
		_files -/ && return 0
		return 1
		;;
	words) ;;
	parts) suffix=(-S '') ;;
	*) return 1 ;;
	esac
	answer=("${(@)answer[2,-1]}")
	local -i width=0
	for line in "${(@)answer}"; do
		values+=("${line%%$'\t'*}")
		(( ${#values[-1]} > width && (width = ${#values[-1]}) ))
	done
	(( width > COLUMNS / 2 && (width = COLUMNS / 2) ))
	for line in "${(@)answer}"; do
		local about=${line#*$'\t'}
		if [[ -n $about ]]; then
			shown+=("${${(r:width:)${line%%$'\t'*}}} -- $about")
			shown[-1]=${shown[-1][1,COLUMNS-1]}
		else
			shown+=("${line%%$'\t'*}")
		fi
	done
	(( $#values )) || return 1
	if [[ "$answer" == *$'\t'[^[:space:]]* ]]; then
		compadd "${(@)suffix}" -l -V PROGRAM -d shown -a values
	else
		compadd "${(@)suffix}" -V PROGRAM -a values
	fi
}

if [[ ${funcstack[1]-} == _FUNCTION || ${funcstack[1]-} == _PROGRAM ]]; then
	_FUNCTION "$@" # loaded from the folder of a $fpath
elif (( $+functions[compdef] )); then
	compdef _FUNCTION PROGRAM
else
	print -u2 'PROGRAM: load the completion of zsh first: autoload -Uz compinit && compinit'
fi
