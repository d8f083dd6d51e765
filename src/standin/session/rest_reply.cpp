#include "standin/session/rest_reply.hpp"

#include "standin/base/text.hpp"

namespace standin {

std::string json_body(const CommandOutcome& outcome) {
    std::vector<std::string> json_values;
    std::vector<std::string> python_values;
    for (const Value& value : outcome.values) {
        json_values.push_back(value.json ? quote(*value.json) : "null");
        python_values.push_back(value.python);
    }
    const auto& log = outcome.messages.by_level;
    const std::string messages = JsonObject()
                                     .raw("note", quote_all(log[0]))
                                     .raw("warning", quote_all(log[1]))
                                     .raw("error", quote_all(log[2]))
                                     .raw("bug", quote_all(log[3]))
                                     .str();
    const std::string error =
        outcome.error
            ? JsonObject().text("type", outcome.error->type).text("message", outcome.error->message).str()
            : "null";
    return JsonObject()
        .raw("json values", "[" + join(json_values, ", ") + "]")
        .raw("python values", "[" + join(python_values, ", ") + "]")
        .raw("log messages", messages)
        .raw("error", error)
        .str();
}

} // namespace standin
