package cmdline

// completionScripts are those of each shell. Each asks `PROGRAM complete` and
// offers file names where that answers nothing.
var completionScripts = map[string]string{
	"bash": `# bash completion of PROGRAM
_PROGRAM() {
	local IFS=$'\n' cur=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=($("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
	[ ${#COMPREPLY[@]} -gt 0 ] || [[ $cur == -* ]] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _PROGRAM PROGRAM
`,
	"zsh": `#compdef PROGRAM
_PROGRAM() {
	local -a lines
	lines=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null | sed 's/:/\\:/g; s/\t/:/')}")
	if [[ -n ${lines[1]} ]]; then _describe PROGRAM lines; else _files; fi
}
if [[ $funcstack[1] == _PROGRAM ]]; then _PROGRAM "$@"; else compdef _PROGRAM PROGRAM; fi
`,
	"fish": `# fish completion of PROGRAM
function __PROGRAM_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l lines ($words[1] complete -- $words[2..-1] 2>/dev/null)
	if test (count $lines) -gt 0
		printf '%s\n' $lines
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`,
}
