#include "ctl/views/inspect_text.hpp"

#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox::ctl;

namespace {

std::string shown(const Json& inspected) {
    std::ostringstream out, err;
    const Terminal terminal{out, err};
    return inspect_text(terminal, Json{{"id", "abcdefghijklmnop"}, {"state", "ready"}}, inspected,
                        std::chrono::system_clock::time_point{});
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("capabilities are named, and none is none") {
    CHECK(capability_names("0000000000000000").empty());
    CHECK(capability_names("0000000000000021") == std::vector<std::string>{"cap_chown", "cap_kill"});
    CHECK(capability_names("no mask") == std::vector<std::string>{"?"});
    CHECK(capability_names("") == std::vector<std::string>{"?"});
}

TEST_CASE("inspect shows cgroup files line by line") {
    const std::string text =
        shown({{"cgroup",
                {{"path", "/x/y"}, {"files", {{"memory.max", "1024"}, {"memory.events", "low 0\noom 1"}}}}}});
    CHECK(has(text, "Cgroup /x/y\n"));
    CHECK(has(text, "  memory.max     1024\n"));
    CHECK(has(text, "  memory.events  low 0\n"));
    CHECK(has(text, "                 oom 1\n"));
}

TEST_CASE("inspect cries out where a namespace is the host's, seccomp is off, or a capability is held") {
    const std::string bad = shown({{"namespaces", {{"net", {{"id", "net:[1]"}, {"private", false}}}}},
                                   {"seccomp", "0"},
                                   {"capabilities", {{"effective", "0000000000000001"}}}});
    CHECK(has(bad, "net  net:[1]  THE HOST'S\n"));
    CHECK(has(bad, "seccomp                 NONE\n"));
    CHECK(has(bad, "capabilities effective  cap_chown\n"));
    const std::string good = shown({{"namespaces", {{"net", {{"id", "net:[1]"}, {"private", true}}}}},
                                    {"seccomp", "2"},
                                    {"capabilities", {{"effective", "0000000000000000"}}}});
    CHECK(has(good, "net  net:[1]  its own\n"));
    CHECK(has(good, "seccomp                 filter\n"));
    CHECK(has(good, "capabilities effective  none\n"));
}

TEST_CASE("inspect shows processes, mounts and the start's timeline") {
    const std::string text =
        shown({{"processes", {{{"pid", 7}, {"group", "payload"}, {"name", "ChimeraX\033[2J"}}}},
               {"mounts", {{{"target", "/usr"}, {"type", "ext4"}, {"options", "ro,nosuid"}}}},
               {"timeline", {{{"step", "mounts"}, {"microseconds", 1500}}}}});
    CHECK(has(text, "7  payload  ChimeraX?[2J"));
    CHECK(has(text, "/usr    ext4  ro,nosuid"));
    CHECK(has(text, "mounts  1.5 ms\n"));
}

TEST_CASE("an inspect that lacks all is shown without failing") {
    CHECK(has(shown(Json::object()), "Session:"));
    CHECK(has(shown(Json(nullptr)), "Session:"));
}
