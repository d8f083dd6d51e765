#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/terminal/output_file.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// As long as the manager gives what is in flight, and a moment for the next one to start.
constexpr Duration kHandoverTimeout = std::chrono::seconds(60);

/// True once another manager than that one serves.
bool is_served_by_another(Context& context, const std::string& started) {
    try {
        const Json health = context.api().get("/healthz");
        return word(health, {"started_at"}) != started &&
               word(context.api().get("/readyz"), {"status"}) == "ready";
    } catch (const Error& error) {
        if (error.retry() && error.retry()->reason == "draining")
            return true; // it serves, and takes nothing new, as the one before
        if (error.code() != Errc::unavailable && error.code() != Errc::timed_out)
            throw;
        return false; // between the two
    }
}

void handover(Context& context) {
    const ApiClient api = context.api();
    const std::string started = word(api.get("/healthz"), {"started_at"});
    api.post("/v1/admin/handover", Json::object(), kAnswerTimeout);
    const Duration timeout = context.globals.timeout.value_or(kHandoverTimeout);
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!is_served_by_another(context, started)) {
        if (std::chrono::steady_clock::now() >= deadline)
            throw Error(Errc::timed_out, "no other manager serves yet",
                        "See the log of sandboxd, and what starts it again when it exits with status 75.");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    context.say("The next manager has the sessions.");
}

struct Drain {
    bool undo = false, wait = false;
};

/// One request after the other, each with a wait of its own: no connection has to live for days.
void drain(Context& context, const Drain& asked) {
    constexpr std::chrono::seconds kOneWait{60};
    const auto deadline =
        std::chrono::steady_clock::now() + context.globals.timeout.value_or(std::chrono::hours(24 * 365));
    Json answer;
    do {
        const auto left =
            std::chrono::ceil<std::chrono::seconds>(deadline - std::chrono::steady_clock::now());
        const auto timeout =
            asked.wait ? std::clamp(left, std::chrono::seconds(0), kOneWait) : std::chrono::seconds(0);
        answer = context.api().post("/v1/admin/drain?timeout=" + std::to_string(timeout.count()),
                                    {{"undo", asked.undo}}, kAnswerTimeout + timeout);
    } while (asked.wait && answer.at("sessions") != 0 && answer.at("draining") == true &&
             std::chrono::steady_clock::now() < deadline);
    const std::string live = word(answer, {"sessions"});
    if (asked.wait && live != "0")
        throw Error(Errc::timed_out, live + " sessions still live",
                    "Wait longer, or end them with sandboxctl stop.");
    if (context.json())
        context.print(answer);
    else
        context.say(asked.undo ? "New sessions are taken again."
                               : "No new sessions are taken; " + live + " live.");
}

/// For its owner alone: the files of a site say who may do what.
void backup(Context& context, const std::string& file) {
    constexpr Duration kBackupTimeout = std::chrono::minutes(10);
    HttpRequest request{.method = "POST", .target = "/v1/admin/backup", .token = {}, .body = {}};
    OutputFile archive(file, true);
    std::uint64_t size = 0;
    request.on_piece = [&](std::string_view piece) {
        archive.write(piece);
        size += piece.size();
    };
    request.quiet = kAnswerTimeout;
    context.api().call(request, context.globals.timeout.value_or(kBackupTimeout));
    archive.keep();
    context.say(file + " has " + short_bytes(static_cast<double>(size)) + ".");
}

std::string joined(const Json& names) {
    std::string text;
    for (const Json& name : names)
        text += (text.empty() ? "" : ", ") + name.get<std::string>();
    return text;
}

void reload(Context& context) {
    const Json answer = context.api().post("/v1/admin/reload", Json::object(),
                                           context.globals.timeout.value_or(kAnswerTimeout));
    if (context.json()) {
        context.print(answer);
        return;
    }
    bool any = false;
    const auto say = [&](const std::string& title, const Json& names) {
        if (names.empty())
            return;
        any = true;
        context.say(title + ": " + joined(names));
    };
    for (const char* kind : {"policies", "tenants"})
        for (const auto& [what, names] : answer.at(kind).items())
            say(std::string(kind) + " " + what, names);
    say("settings taken", answer.at("settings").at("applied"));
    say("settings that need a restart", answer.at("settings").at("need_restart"));
    if (!any)
        context.say("Nothing has changed.");
}

void gc(Context& context, bool dry_run) {
    const Json answer = context.api().post("/v1/admin/gc", {{"dry_run", dry_run}},
                                           context.globals.timeout.value_or(kAnswerTimeout));
    if (context.json()) {
        context.print(answer);
        return;
    }
    Table table({{"KIND"}, {"NAME", Align::left, true}});
    for (const Json& one : answer.at("found"))
        table.add({word(one, {"kind"}), word(one, {"name"})});
    if (answer.at("found").empty())
        context.say("Nothing is left over.");
    else
        context.print(table);
}

} // namespace

void add_admin(Verb& app, Context& context) {
    Verb verb = app.add_verb("admin", "Steer the manager itself (admin)");
    verb.require_verb();
    verb.add_verb("handover", "Let the next manager take the sessions over, for an upgrade").run([&context] {
        handover(context);
    });
    const auto file = std::make_shared<std::string>();
    Verb copy =
        verb.add_verb("backup", "Write the store, the settings, policies and tenants into a tar archive");
    copy.option("FILE", *file, "Where to; it is replaced once all of it is there").required();
    copy.run([file, &context] { backup(context, *file); });
    const auto asked = std::make_shared<Drain>();
    Verb part = verb.add_verb("drain", "Take no new sessions, also after a restart, until that is undone");
    part.flag("--wait", asked->wait, "Until no session lives any more (--timeout, else a year)");
    part.flag("--undo", asked->undo, "Take new sessions again");
    part.run([asked, &context] { drain(context, *asked); });
    verb.add_verb("reload", "Read policies, tenants and settings again, all or none").run([&context] {
        reload(context);
    });
}

void add_gc(Verb& app, Context& context) {
    const auto dry_run = std::make_shared<bool>(false);
    Verb verb = app.add_verb("gc", "Remove what is left of sessions and belongs to none (admin)");
    verb.flag("-n,--dry-run", *dry_run, "Only tell of it");
    verb.run([dry_run, &context] { gc(context, *dry_run); });
}

} // namespace sandbox::ctl
