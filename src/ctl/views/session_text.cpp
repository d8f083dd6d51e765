#include "ctl/views/session_text.hpp"

#include "ctl/format/json_text.hpp"

#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

std::string of_limit(const std::string& used, const std::string& limit) {
    return limit == "-" ? used : used + "/" + limit;
}

std::string labels_text(const Json& session) {
    std::string text;
    const Json& labels = member(session, {"labels"});
    if (labels.is_object())
        for (const auto& [key, value] : labels.items())
            text += (text.empty() ? "" : ", ") + key + "=" + word(labels, {key.c_str()});
    return text;
}

class Facts {
  public:
    void add(const char* name, const std::string& value) {
        if (value.empty() || value == "-")
            return;
        std::string title = std::string(name) + ":";
        title.resize(std::max<std::size_t>(title.size(), 14), ' ');
        text += title + " " + printable(value) + "\n";
    }
    std::string text;
};

std::string since(const Json& session, const char* name, std::chrono::system_clock::time_point now) {
    const std::string time = word(session, {name});
    return time == "-" ? time : time + " (" + age_word(session, {name}, now) + " ago)";
}

/// When its clocks end it.
std::string ends_text(const Json& session) {
    const std::string idle = word(session, {"expires", "idle_at"});
    const std::string lifetime = word(session, {"expires", "lifetime_at"});
    std::string text = lifetime == "-" ? "" : lifetime;
    if (idle != "-")
        text += (text.empty() ? "" : "; ") + idle + " if nobody uses it";
    return text;
}

std::string rest_text(const Json& session) {
    const Json& rest = member(session, {"rest"});
    if (!rest.is_object())
        return {};
    std::string text = "frozen since " + word(rest, {"frozen_at"});
    const std::string bytes = bytes_word(rest, {"reclaimed_bytes"}), why = word(rest, {"not_reclaimed"});
    text += bytes == "-" ? ", its memory is being reclaimed" : ", reclaimed " + bytes + " of its memory";
    return why == "-" ? text : text + " (" + why + ")";
}

std::string autosave_text(const Json& session) {
    const Json& autosave = member(session, {"autosave"});
    if (!autosave.is_object())
        return {};
    const std::string last = word(autosave, {"last_at"}), restored = word(autosave, {"restored_at"});
    const std::string failure = word(autosave, {"failure"});
    std::string text = last == "-" ? "none yet" : last + " in " + word(autosave, {"file"});
    text += restored == "-" ? "" : ", opened again at " + restored;
    return failure == "-" ? text : text + " (" + failure + ")";
}

/// Of one that has ended.
std::string log_text(const Json& session) {
    const Json& log = member(session, {"end", "log"});
    if (!log.is_object())
        return {};
    if (word(log, {"kept"}) == "yes")
        return "kept until " + word(log, {"until"}) + ", " + bytes_word(log, {"bytes"}) +
               ": sandboxctl logs " + word(session, {"id"});
    return "not kept: " + word(log, {"message"});
}

std::string indented(const std::string& text) {
    std::string lines = "  ";
    for (const char c : text) {
        lines += c;
        if (c == '\n')
            lines += "  ";
    }
    return lines;
}

} // namespace

Table session_table(const std::vector<Json>& sessions, std::chrono::system_clock::time_point now) {
    Table table({{"ID"},
                 {"NAME", Align::left, true},
                 {"TENANT", Align::left, true},
                 {"POLICY", Align::left, true},
                 {"STATE"},
                 {"AGE", Align::right},
                 {"MEMORY", Align::right},
                 {"CPU", Align::right},
                 {"PIDS", Align::right},
                 {"ADDRESS"}});
    for (const Json& session : sessions) {
        const Json& end = member(session, {"end"});
        const std::string cpu =
            end.is_object() ? word(end, {"cpu_seconds"}) : word(session, {"usage", "cpu_seconds"});
        table.add({word(session, {"id"}), word(session, {"name"}), word(session, {"tenant"}),
                   word(session, {"policy", "name"}),
                   end.is_object() ? "ended:" + word(end, {"reason"}) : word(session, {"state"}),
                   age_word(session, {"created_at"}, now),
                   of_limit(bytes_word(session, {"usage", "memory_bytes"}),
                            bytes_word(session, {"limits", "enforced", "memory_bytes"})),
                   cpu == "-" ? cpu : cpu + "s",
                   of_limit(word(session, {"usage", "pids"}), word(session, {"limits", "enforced", "pids"})),
                   word(session, {"address"})});
    }
    return table;
}

std::string state_words(const Json& session) {
    const Json& end = member(session, {"end"});
    if (!end.is_object())
        return word(session, {"state"});
    std::string text = word(session, {"state"}) + ": " + word(end, {"reason"});
    if (!member(end, {"signal"}).is_null())
        text += " (signal " + word(end, {"signal"}) + ")";
    else if (!member(end, {"exit_status"}).is_null())
        text += " (exit status " + word(end, {"exit_status"}) + ")";
    if (const std::string message = word(end, {"message"}); message != "-")
        text += ": " + message;
    return text;
}

std::string session_text(const Json& session, std::chrono::system_clock::time_point now) {
    Facts facts;
    facts.add("Session", word(session, {"id"}));
    facts.add("Name", word(session, {"name"}));
    facts.add("Tenant", word(session, {"tenant"}));
    facts.add("Policy", word(session, {"policy", "name"}) + " (" +
                            word(session, {"policy", "digest"}).substr(0, 12) + ")");
    facts.add("Labels", labels_text(session));
    facts.add("State", state_words(session));
    facts.add("Health", word(session, {"health", "status"}));
    facts.add("Rest", rest_text(session));
    facts.add("Engine", word(session, {"engine", "name"}) + " " + word(session, {"engine", "version"}) +
                            (word(session, {"engine", "stand_in"}) == "yes" ? " (a stand-in)" : ""));
    facts.add("PID", word(session, {"pid"}) == "0" ? "-" : word(session, {"pid"}));
    facts.add("Address", word(session, {"address"}) == "-"
                             ? "-"
                             : word(session, {"address"}) + ":" + word(session, {"port"}));
    facts.add("URL", word(session, {"url"}));
    facts.add("Created", since(session, "created_at", now));
    facts.add("Ready", since(session, "ready_at", now));
    facts.add("Last activity", since(session, "last_activity_at", now));
    facts.add("Ends", ends_text(session));
    if (word(session, {"restart_reason"}) != "-")
        facts.add("Restarts",
                  word(session, {"restarts"}) + ", the last because " + word(session, {"restart_reason"}));
    facts.add("Autosave", autosave_text(session));
    facts.add("Memory", of_limit(bytes_word(session, {"usage", "memory_bytes"}),
                                 bytes_word(session, {"limits", "enforced", "memory_bytes"})) +
                            ", at most " + bytes_word(session, {"usage", "memory_peak_bytes"}));
    facts.add("CPU", word(session, {"usage", "cpu_seconds"}) + " s used, limit " +
                         word(session, {"limits", "enforced", "cpus"}) + " CPUs");
    facts.add("PIDs",
              of_limit(word(session, {"usage", "pids"}), word(session, {"limits", "enforced", "pids"})));
    const Json& missing = member(session, {"limits", "not_enforced"});
    if (missing.is_array())
        for (const Json& item : missing)
            facts.add("Not enforced", item.is_string() ? item.get<std::string>() : item.dump());
    facts.add("Log", log_text(session));
    const std::string tail = word(session, {"end", "log_tail"});
    if (tail != "-")
        facts.text += "Last log lines:\n" + printable(indented(tail), true) + "\n";
    return facts.text;
}

void print_session(const Context& context, const Json& session, Format usual) {
    const Format asked = context.globals.format;
    // Where the id is all that is printed, it only says which session it was.
    if (context.globals.quiet && asked == Format::usual && usual == Format::id)
        return;
    switch (asked == Format::usual ? usual : asked) {
    case Format::json:
        context.print(session);
        break;
    case Format::id:
        context.terminal.out << word(session, {"id"}) << "\n";
        break;
    case Format::table:
        context.print(session_table({session}, std::chrono::system_clock::now()));
        break;
    case Format::usual:
        context.terminal.out << session_text(session, std::chrono::system_clock::now());
        break;
    }
}

Json pairs(const std::vector<std::string>& items, const char* option) {
    Json object = Json::object();
    for (const std::string& item : items) {
        const std::size_t equals = item.find('=');
        if (equals == std::string::npos || equals == 0)
            throw Error(Errc::invalid_argument, std::string(option) + " " + item + ": it has no NAME=VALUE",
                        {}, option);
        object[item.substr(0, equals)] = item.substr(equals + 1);
    }
    return object;
}

} // namespace sandbox::ctl
