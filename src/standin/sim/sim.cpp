#include "standin/base/command.hpp"
#include "standin/base/text.hpp"
#include "standin/session/session.hpp"

namespace standin {

// `sim VERB …`: misbehaves, or looks around, on demand. Answers stand in `json values`.
void add_sim_commands(CommandTable& table) {
    auto verbs = std::make_shared<CommandTable>();
    add_sim_load_verbs(*verbs);
    add_sim_process_verbs(*verbs);
    add_sim_network_verbs(*verbs);
    add_sim_look_verbs(*verbs);
    table["sim"] = [verbs](Session& session, Words& words) {
        const auto verb = verbs->find(words.take("verb"));
        if (verb == verbs->end()) {
            std::vector<std::string> names;
            for (const auto& [name, command] : *verbs)
                names.push_back(name);
            throw ParseError("Expected one of: " + join(names, ", "));
        }
        return verb->second(session, words);
    };
}

} // namespace standin
