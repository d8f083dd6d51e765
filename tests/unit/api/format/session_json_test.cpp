#include "api/format/session_json.hpp"

#include <chrono>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::api;
using manager::SessionView;
using nlohmann::ordered_json;
using namespace std::chrono_literals;

namespace {

SessionView live() {
    SessionView session;
    session.id = "abcdefghijklmnop";
    session.tenant = "acme";
    session.policy = "quick";
    session.policy_digest = "d1";
    session.state = manager::State::ready;
    session.labels = {{"k", "v"}};
    session.health.status = "healthy";
    session.pid = 42;
    session.address = "10.0.0.2";
    session.port = 41000;
    session.created_at = manager::WallTime{} + 24h;
    session.cgroup = "/secret/of/the/host";
    session.log_dir = "/secret/of/the/logs";
    return session;
}

SessionView ended() {
    SessionView session = live();
    session.state = manager::State::ended;
    session.end = SessionView::End{};
    session.end->reason = manager::EndReason::exited;
    session.end->exit_status = 3;
    session.end->oom_kills = 1;
    session.end->log_tail = "bad \xff byte";
    return session;
}

ordered_json parse(const std::string& text) {
    return ordered_json::parse(text);
}

std::vector<std::string> keys(const ordered_json& object) {
    std::vector<std::string> names;
    for (const auto& [key, value] : object.items())
        names.push_back(key);
    return names;
}

} // namespace

TEST_CASE("a live session has these keys and no others") {
    const ordered_json document = parse(session_json(live()));
    CHECK(keys(document) == std::vector<std::string>{"id", "name", "tenant", "policy", "labels", "state",
                                                     "health", "pid", "address", "port", "url", "created_at",
                                                     "ready_at", "last_activity_at", "restarts", "expires",
                                                     "limits", "usage", "engine"});
    CHECK(document["policy"] == ordered_json{{"name", "quick"}, {"digest", "d1"}});
    CHECK(document["labels"] == ordered_json{{"k", "v"}});
    CHECK(document["state"] == "ready");
    CHECK(document["created_at"].get<std::string>().starts_with("1970-01-02T00:00:00"));
    CHECK(session_json(live()).find("/secret/") == std::string::npos);
}

TEST_CASE("what is not known is null, and what was not asked for is absent") {
    const ordered_json document = parse(session_json(live()));
    CHECK(document["ready_at"].is_null());
    CHECK(document["last_activity_at"].is_null());
    CHECK(document["health"]["last_ok_at"].is_null());
    for (const char* key : {"memory_bytes", "memory_peak_bytes", "cpu_seconds", "pids"})
        CHECK(document["usage"].at(key).is_null());
    CHECK(document["engine"].at("renders").is_null());
    CHECK(document["limits"]["asked"] == ordered_json::object());
    CHECK(document["limits"]["not_enforced"] == ordered_json::array());
}

TEST_CASE("what is known is shown with its unit") {
    SessionView session = live();
    session.usage = {.memory = Bytes{5}, .memory_peak = Bytes{6}, .cpu_seconds = 1.5, .pids = 7};
    session.asked.cpus = 2;
    session.enforced = {.memory_max = Bytes{8}, .cpus = 2, .pids_max = 9};
    session.engine.renders = false;
    const ordered_json document = parse(session_json(session));
    CHECK(document["usage"] ==
          ordered_json{{"memory_bytes", 5}, {"memory_peak_bytes", 6}, {"cpu_seconds", 1.5}, {"pids", 7}});
    CHECK(document["limits"]["asked"] == ordered_json{{"cpus", 2.0}});
    CHECK(document["limits"]["enforced"] == ordered_json{{"memory_bytes", 8}, {"cpus", 2.0}, {"pids", 9}});
    CHECK(document["engine"]["renders"] == false);
}

TEST_CASE("the token is shown only where it is given") {
    CHECK_FALSE(parse(session_json(live())).contains("token"));
    CHECK(parse(session_json(live(), "t0ken"))["token"] == "t0ken");
    CHECK_FALSE(parse(sessions_json({live()}))["sessions"][0].contains("token"));
}

TEST_CASE("an ended session says how it ended; a log that is no UTF-8 is still JSON") {
    const ordered_json end = parse(session_json(ended()))["end"];
    CHECK(keys(end) == std::vector<std::string>{"reason", "at", "message", "exit_status", "oom_kills",
                                                "memory_peak_bytes", "cpu_seconds", "log_tail", "log"});
    CHECK(end["reason"] == "exited");
    CHECK(end["exit_status"] == 3);
    CHECK(end["oom_kills"] == 1);
    CHECK(end["memory_peak_bytes"].is_null());
    CHECK(end["log"].is_null());
}

TEST_CASE("an ended session says how much of its log is kept until when, or why it is not") {
    SessionView session = ended();
    session.end->log = SessionView::End::Log{manager::LogFate::kept, Bytes{7}, session.created_at, {}};
    CHECK(parse(session_json(session))["end"]["log"].dump() ==
          R"({"kept":true,"bytes":7,"until":"1970-01-02T00:00:00.000Z"})");
    session.end->log = SessionView::End::Log{manager::LogFate::failed, {}, {}, "No room."};
    CHECK(parse(session_json(session))["end"]["log"].dump() ==
          R"({"kept":false,"bytes":0,"reason":"failed","message":"No room."})");
}

TEST_CASE("a session that was learned from says so, and which system calls it made") {
    SessionView session = ended();
    CHECK_FALSE(parse(session_json(session)).contains("learns"));
    session.learns = true;
    session.end->system_calls = protocol::SystemCalls{{{"read", 12}}, {}};
    const ordered_json document = parse(session_json(session));
    CHECK(document["learns"] == true);
    CHECK(document["end"]["system_calls"].dump() == R"({"allowed":{"read":12},"refused":{}})");
}

TEST_CASE("a frozen session says since when, and what became of its memory") {
    SessionView session = live();
    session.rest = SessionView::FreezeInfo{session.created_at, {}, {}};
    ordered_json rest = parse(session_json(session))["rest"];
    CHECK(rest["frozen_at"].get<std::string>().starts_with("1970-01-02T00:00:00"));
    CHECK(rest["reclaimed_bytes"].is_null());
    CHECK_FALSE(rest.contains("not_reclaimed"));
    session.rest->reclaimed = Bytes{0};
    session.rest->not_reclaimed = "the host has no swap";
    rest = parse(session_json(session))["rest"];
    CHECK(rest["reclaimed_bytes"] == 0);
    CHECK(rest["not_reclaimed"] == "the host has no swap");
}

TEST_CASE("an autosave says when and where it is, and what became of it") {
    SessionView session = live();
    session.autosave = SessionView::Autosave{};
    CHECK(parse(session_json(session))["autosave"] ==
          ordered_json{{"last_at", nullptr}, {"file", nullptr}, {"restored_at", nullptr}});
    session.autosave->last_at = session.autosave->restored_at = session.created_at;
    session.autosave->file = "/work/a.cxs";
    session.autosave->failure = "saving: No room";
    const ordered_json autosave = parse(session_json(session))["autosave"];
    CHECK(autosave["file"] == "/work/a.cxs");
    CHECK(autosave["restored_at"] == autosave["last_at"]);
    CHECK(autosave["failure"] == "saving: No room");
}

TEST_CASE("the url is the published port where there is one, else the route") {
    SessionView session = live();
    CHECK(parse(session_json(session))["url"] == "/v1/sessions/abcdefghijklmnop/rest");
    session.published_port = 50000;
    const ordered_json document = parse(session_json(session));
    CHECK(document["url"] == "http://127.0.0.1:50000");
    CHECK(document["published_port"] == 50000);
}

TEST_CASE("no sessions are an empty list") {
    CHECK(sessions_json({}) == R"({"sessions":[]})");
    CHECK(parse(sessions_json({live(), ended()}))["sessions"].size() == 2);
}

TEST_CASE("a tenant is shown without the hashes of its tokens") {
    policy::Tenant tenant;
    tenant.name = "acme";
    tenant.token_hashes = {"5ecre7"};
    tenant.policies = {"quick"};
    CHECK(tenant_json(tenant).find("5ecre7") == std::string::npos);
    CHECK(parse(tenant_json(tenant))["policies"] == ordered_json{"quick"});
    CHECK(tenants_json({tenant}).find("5ecre7") == std::string::npos);
}

TEST_CASE("a policy in full has its effective text, one of a list does not") {
    policy::Policy policy;
    policy.name = "quick";
    CHECK(parse(policy_json(policy))["effective"].is_string());
    const ordered_json list = parse(policies_json({policy}));
    CHECK(list["policies"][0]["name"] == "quick");
    CHECK(list["policies"][0]["layer"] == "admin");
    CHECK_FALSE(list["policies"][0].contains("effective"));
}
