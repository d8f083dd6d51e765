#include "ctl/format/json_text.hpp"
#include "ctl/views/session_text.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::ctl;

namespace {

Json ready_session() {
    return {{"id", "abcdefghijklmnop"},
            {"name", "demo"},
            {"tenant", "acme"},
            {"policy", {{"name", "default"}, {"digest", "0123456789abcdef"}}},
            {"labels", {{"a", "b"}}},
            {"state", "ready"},
            {"pid", 42},
            {"address", "198.18.0.1"},
            {"port", 50000},
            {"created_at", "2026-01-31T09:05:07.000Z"},
            {"limits", {{"enforced", {{"memory_bytes", 4294967296}, {"cpus", 2}, {"pids", 256}}}}},
            {"usage", {{"memory_bytes", 164626432}, {"cpu_seconds", 1.25}, {"pids", 9}}},
            {"engine", {{"name", "ChimeraX"}, {"version", "1.11"}, {"stand_in", false}}}};
}

Json ended_session() {
    Json session = ready_session();
    session["state"] = "ended";
    session["end"] = {{"reason", "oom"},
                      {"signal", 9},
                      {"message", "the kernel killed it"},
                      {"cpu_seconds", 12.345},
                      {"log_tail", "last\nwords"}};
    return session;
}

const auto kNow = *parse_time("2026-01-31T09:15:07Z");

} // namespace

TEST_CASE("a line of ls shows use against limit") {
    CHECK(session_table({ready_session()}, kNow).text(0, false) ==
          "abcdefghijklmnop  demo  acme  default  ready  10m  157M/4G  1.25s  9/256  198.18.0.1\n");
}

TEST_CASE("a line of ls shows why a session ended") {
    const std::string line = session_table({ended_session()}, kNow).text(0, false);
    CHECK(line.find("  ended:oom  ") != std::string::npos);
    CHECK(line.find("  12.3s  ") != std::string::npos);
}

TEST_CASE("status shows how a session ended, and its last words") {
    const std::string text = session_text(ended_session(), kNow);
    CHECK(text.find("State:         ended: oom (signal 9): the kernel killed it\n") != std::string::npos);
    CHECK(text.ends_with("Last log lines:\n  last\n  words\n"));
}

TEST_CASE("status of an ended session says where its log is, or why it is not kept") {
    Json session = ended_session();
    session["end"]["log"] = {{"kept", true}, {"bytes", 2048}, {"until", "2026-02-07T09:05:07.000Z"}};
    CHECK(session_text(session, kNow)
              .find("Log:           kept until 2026-02-07T09:05:07.000Z, 2K: sandboxctl logs "
                    "abcdefghijklmnop\n") != std::string::npos);
    session["end"]["log"] = {{"kept", false}, {"bytes", 0}, {"message", "It was kept for 7d."}};
    CHECK(session_text(session, kNow).find("Log:           not kept: It was kept for 7d.\n") !=
          std::string::npos);
}

TEST_CASE("status leaves out what is not known, and says what is not enforced") {
    Json session = ready_session();
    session["name"] = "";
    session["pid"] = 0;
    session["limits"]["not_enforced"] = {"io.max: controller io is missing"};
    const std::string text = session_text(session, kNow);
    CHECK(text.find("Name:") == std::string::npos);
    CHECK(text.find("PID:") == std::string::npos);
    CHECK(text.find("Not enforced:  io.max: controller io is missing\n") != std::string::npos);
    CHECK(text.find("Created:       2026-01-31T09:05:07.000Z (10m ago)\n") != std::string::npos);
}

TEST_CASE("a stand-in is called one") {
    Json session = ready_session();
    CHECK(session_text(session, kNow).find("stand-in") == std::string::npos);
    session["engine"]["stand_in"] = true;
    CHECK(session_text(session, kNow).find("ChimeraX 1.11 (a stand-in)") != std::string::npos);
}

TEST_CASE("pairs need a name") {
    CHECK(pairs({"a=b", "c=", "d=e=f"}, "-l") == Json{{"a", "b"}, {"c", ""}, {"d", "e=f"}});
    CHECK_THROWS_AS(pairs({"a"}, "-l"), Error);
    CHECK_THROWS_AS(pairs({"=b"}, "-l"), Error);
}
