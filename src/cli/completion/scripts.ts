/** The shells that can be completed in. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

// Each script asks the command itself (`__complete`) what may stand at the cursor. It is given the words up to the
// cursor, and answers one candidate a line, a tab, and what it means; `:files` alone means the names of files.

const BASH = `# countersign in bash: put this line into ~/.bashrc
#   source <(countersign completion bash)
_countersign() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" line
  [[ "$cur" == "=" ]] && cur=""
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ "$line" == ":files" ]]; then
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    else
      line="\${line%%$'\\t'*}"
      [[ "$line" == "$cur"* ]] && COMPREPLY+=("$line")
    fi
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o filenames -F _countersign countersign
`;

const ZSH = `#compdef countersign
# countersign in zsh: put this line into ~/.zshrc, behind compinit
#   source <(countersign completion zsh)
_countersign() {
  local line
  local -a found
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ "$line" == ":files" ]]; then
      _files
    elif [[ -n "$line" ]]; then
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done
  (( $#found )) && _describe -V countersign found
}
compdef _countersign countersign
`;

const FISH = `# countersign in fish: save this as ~/.config/fish/completions/countersign.fish
function __countersign_complete
    set -l before (commandline -opc)
    for line in ($before[1] __complete -- $before[2..-1] (commandline -ct) 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c countersign -f -a '(__countersign_complete)'
`;

/** The script that a shell reads to complete \`countersign\`. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case 'bash':
      return BASH;
    case 'zsh':
      return ZSH;
    case 'fish':
      return FISH;
  }
}
