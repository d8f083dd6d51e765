#include "api/format/command_json.hpp"

#include "api/http/problem.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string joined(const std::vector<std::string>& documents) {
    std::string text = "[";
    for (const std::string& document : documents)
        (text += text.size() > 1 ? "," : "") += document;
    return text + "]";
}

std::string log_json(const chimerax::CommandResult& result) {
    return dump({{"note", result.note},
                 {"warning", result.warning},
                 {"error", result.error_log},
                 {"bug", result.bug}});
}

std::string error_json(const chimerax::CommandResult& result) {
    return result.error ? dump({{"type", result.error->type}, {"message", result.error->message}}) : "null";
}

std::string hint_json(const chimerax::CommandResult& result) {
    const std::string hint = result.ok() ? std::string() : chimerax::hint_of(result);
    return hint.empty() ? "null" : dump(Json(hint));
}

std::string members_of(const chimerax::CommandResult& result, double seconds) {
    return std::string(R"("ok":)") + (result.ok() ? "true" : "false") + R"(,"values":)" +
           joined(result.values) + R"(,"log":)" + log_json(result) + R"(,"error":)" + error_json(result) +
           R"(,"hint":)" + hint_json(result) + R"(,"duration_seconds":)" + dump(Json(seconds));
}

std::string results_json(const std::vector<std::string>& commands, const manager::CommandsRun& run) {
    std::vector<std::string> results;
    for (std::size_t i = 0; i < run.ran.size(); ++i) {
        const std::chrono::duration<double> took = run.ran[i].took;
        results.push_back("{\"command\":" + dump(Json(commands[i])) + "," +
                          members_of(run.ran[i].result, took.count()) + "}");
    }
    const auto failed = run.failed();
    return "\"results\":" + joined(results) + ",\"failed\":" + (failed ? std::to_string(*failed) : "null");
}

/// What they said, one after the other.
chimerax::CommandResult whole_of(const manager::CommandsRun& run) {
    chimerax::CommandResult whole;
    const auto append = [](std::vector<std::string>& to, const std::vector<std::string>& from) {
        to.insert(to.end(), from.begin(), from.end());
    };
    for (const auto& [result, took] : run.ran) {
        append(whole.values, result.values);
        append(whole.note, result.note);
        append(whole.warning, result.warning);
        append(whole.error_log, result.error_log);
        append(whole.bug, result.bug);
        whole.error = result.error;
    }
    return whole;
}

} // namespace

std::string command_json(const std::vector<std::string>& commands, const manager::CommandsRun& run,
                         double seconds) {
    return "{" + members_of(whole_of(run), seconds) + "," + results_json(commands, run) + "}";
}

Response lost_problem(const std::vector<std::string>& commands, const manager::CommandsRun& run) {
    Response response = problem(*run.lost);
    response.body.pop_back(); // the brace
    response.body += "," + results_json(commands, run) + "}";
    response.audited = run.lost->what();
    return response;
}

} // namespace sandbox::api
