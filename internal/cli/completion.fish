# Completion of PROGRAM for fish, written by `PROGRAM completion fish`.

function __FUNCTION_complete
    set -l program PROGRAM
    set -l line (commandline -pc | string collect)
    # The one that is typed, where that is a path.
    set -l typed (commandline -pco)[1]
    if string match -q -- '*/*' "$typed"; and test -x "$typed"
        set program $typed
    end
    set -l answer (command $program __complete fish "$line" 2>/dev/null)
    set -l token (commandline -ct)
    set -l before (string match -r -- '^--[^=]*=' "$token")
    switch "$answer[1]"
        case words parts
            test (count $answer) -gt 1; and printf '%s\n' $answer[2..-1]
        case files
            for path in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$token"))
                printf '%s\n' "$before$path"
            end
        case folders
            for path in (__fish_complete_directories (string replace -r -- '^--[^=]*=' '' "$token"))
                printf '%s\n' "$before$path"
            end
    end
end

complete -c PROGRAM -f -k -a '(__FUNCTION_complete)'
