#include "ctl/context/verbs.hpp"

#include <memory>
#include <ostream>
#include <string_view>

namespace sandbox::ctl {
namespace {

// All that is known of verbs, options and what is alive is in `sandboxctl __complete`. Its lines are data: no
// shell evaluates them, and what is put into the line is quoted.

constexpr std::string_view kBash =
    R"sh(# Completion of sandboxctl for bash: source <(sandboxctl completion bash)
_sandboxctl() {
    local output line files=() code
    output=$(command sandboxctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    code=$?
    COMPREPLY=()
    while IFS= read -r line; do
        line=${line%%$'\t'*}
        [[ -z $line ]] || COMPREPLY+=("$(printf %q "$line")")
        [[ $line != *: ]] || compopt -o nospace
    done <<<"$output"
    [[ $code -eq 10 ]] || return 0
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default
        return 0
    fi
    while IFS= read -r line; do
        [[ -z $line ]] || COMPREPLY+=("$(printf %q "$line")")
    done < <(compgen -f -- "$2")
}
complete -F _sandboxctl sandboxctl
)sh";

constexpr std::string_view kZsh = R"sh(#compdef sandboxctl
# Completion of sandboxctl for zsh: source <(sandboxctl completion zsh), or a file _sandboxctl on the fpath.
_sandboxctl() {
    local output line code
    local -a values shown
    output=$(command sandboxctl __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    code=$?
    for line in "${(@f)output}"; do
        [[ -n $line ]] || continue
        values+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
    done
    if (( $#values )); then
        if [[ $values[1] == *: ]]; then
            compadd -S '' -l -d shown -a values
        else
            compadd -l -d shown -a values
        fi
    fi
    (( code != 10 )) || _files
}
if [[ $funcstack[1] == _sandboxctl ]]; then
    _sandboxctl "$@"
else
    compdef _sandboxctl sandboxctl
fi
)sh";

constexpr std::string_view kFish =
    R"sh(# Completion of sandboxctl for fish: sandboxctl completion fish | source
function __sandboxctl_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    command sandboxctl __complete $words[2..-1] "$last" 2>/dev/null
    if test $status -eq 10
        __fish_complete_path "$last"
    end
end
complete -c sandboxctl -f -a '(__sandboxctl_complete)'
)sh";

} // namespace

void add_completion(Verb& app, Context& context) {
    const auto shell = std::make_shared<std::string>();
    Verb verb = app.add_verb("completion", "Print what makes a shell complete sandboxctl's words");
    verb.option("SHELL", *shell, "bash, zsh or fish").one_of({"bash", "zsh", "fish"}).required();
    verb.run([shell, &context] {
        context.terminal.out << (*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish);
    });
}

} // namespace sandbox::ctl
