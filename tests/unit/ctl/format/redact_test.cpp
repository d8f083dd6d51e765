#include "ctl/format/redact.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox::ctl;

namespace {

constexpr const char* kSecret = "swordfish";

bool tells(const Json& json) {
    return json.dump().find(kSecret) != std::string::npos;
}

} // namespace

TEST_CASE("of a session its figures are kept, and no word that somebody chose") {
    const Json session{
        {"id", "abcdefghijklmnop"},
        {"name", kSecret},
        {"labels", {{kSecret, "x"}, {"x", kSecret}}},
        {"state", "ended"},
        {"usage", {{"pids", 3}}},
        {"url", kSecret},
        {"token", kSecret},
        {"a field that is yet to be thought of", kSecret},
        {"autosave", {{"last_at", "now"}, {"failure", kSecret}}},
        {"end", {{"reason", "oom"}, {"message", kSecret}, {"log_tail", kSecret}, {"signal", 9}}}};
    const Json kept = redacted_session(session);
    CHECK_FALSE(tells(kept));
    CHECK(kept["id"] == "abcdefghijklmnop");
    CHECK(kept["usage"]["pids"] == 3);
    CHECK(kept["end"]["reason"] == "oom");
    CHECK(kept["end"]["signal"] == 9);
    CHECK(kept["name"] == "(9 characters left out)");
    CHECK(kept["end"]["log_tail"] == "(9 characters left out)");
}

TEST_CASE("of processes the two that every session has are named") {
    const Json kept = redacted_inspect({{"processes", Json::array({{{"pid", 1}, {"name", "sandbox-init"}},
                                                                   {{"pid", 2}, {"name", "ChimeraX"}},
                                                                   {{"pid", 3}, {"name", kSecret}}})},
                                        {"outside", Json::array({{{"name", kSecret}}})}});
    CHECK_FALSE(tells(kept));
    CHECK(kept["processes"][1]["name"] == "ChimeraX");
    CHECK(kept["processes"][2]["pid"] == 3);
}

TEST_CASE("of the audit trail no details are kept, and no request's id, which the caller chose") {
    const Json kept = redacted_audit({{"entries", Json::array({{{"at", "now"},
                                                                {"action", "command"},
                                                                {"outcome", "200"},
                                                                {"detail", kSecret},
                                                                {"request_id", kSecret}}})},
                                      {"truncated", false}});
    CHECK_FALSE(tells(kept));
    CHECK(kept["entries"][0]["action"] == "command");
    CHECK(kept["truncated"] == false);
}

TEST_CASE("of a log the ready line and the frames of tracebacks are kept, and of the rest how long it was") {
    const std::string log = "REST server started on host 198.18.0.1 port 50000\n"
                            "REST server started on host swordfish\n"
                            "open swordfish\n"
                            "Traceback (most recent call last):\n"
                            "  File \"/usr/lib/python3/x.py\", line 12, in run\n"
                            "  File \"/work/swordfish.py\", line 1, in <module>\n"
                            "ValueError: swordfish\n";
    CHECK(redacted_log(log) == "REST server started on host 198.18.0.1 port 50000\n"
                               "(37 characters left out)\n"
                               "(14 characters left out)\n"
                               "Traceback (most recent call last):\n"
                               "  File \"/usr/lib/python3/x.py\", line 12, in run\n"
                               "(48 characters left out)\n"
                               "(21 characters left out)\n");
}
