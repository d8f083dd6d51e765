#include "loopback_api.hpp"
#include "sandbox/base/file.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using test::LoopbackApi;
using test::run;

namespace {

constexpr const char* kId = "abcdefghijklmnop";

nlohmann::json body_of(const std::string& request) {
    return nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
}

std::string session(const std::string& state) {
    return nlohmann::json{{"id", kId}, {"state", state}, {"labels", {{"a", "1"}, {"b", "2"}}}}.dump();
}

} // namespace

TEST_CASE("update sends what is to change, and no label is lost that was not named") {
    const LoopbackApi api([](const std::string&) { return test::json_answer(200, session("ready")); });
    CHECK(run(api, {"update", kId, "--memory", "6G", "--cpus", "2", "--pids", "99", "--idle", "1h"}).out ==
          std::string(kId) + "\n");
    REQUIRE(api.requests().size() == 1);
    CHECK(api.requests()[0].starts_with("PATCH /v1/sessions/abcdefghijklmnop "));
    CHECK(body_of(api.requests()[0]) ==
          nlohmann::json{{"limits", {{"memory_bytes", 6442450944}, {"cpus", 2.0}, {"pids", 99}}},
                         {"idle_timeout_seconds", 3600.0}});
    CHECK(run(api, {"update", "-l", "c=3", "--remove-label", "a", kId}).status == 0);
    CHECK(body_of(api.requests().back()) == nlohmann::json{{"labels", {{"b", "2"}, {"c", "3"}}}});
    CHECK(run(api, {"update", kId}).status == 2);
    CHECK(run(api, {"update", kId, "-l", "nonsense"}).status == 2);
}

TEST_CASE("restart waits where it is told to, and an end in the place of it is a failure") {
    std::string state = "ready";
    const LoopbackApi api([&](const std::string& request) {
        return test::json_answer(request.starts_with("POST") ? 202 : 200,
                                 session(request.starts_with("POST") ? "recovering" : state));
    });
    CHECK(run(api, {"restart", kId}).status == 0);
    CHECK(api.requests().size() == 1);
    CHECK(run(api, {"restart", "--wait", kId}).status == 0);
    CHECK(api.requests().back().find("/wait?state=ready%2Cended&timeout=120 ") != std::string::npos);
    state = "ended";
    CHECK(run(api, {"restart", "--wait", kId}).status == 3);
}

TEST_CASE("a picture is a file that is there whole or not at all, and never goes to a terminal") {
    unsigned status = 200;
    const LoopbackApi api([&](const std::string&) { return test::json_answer(status, "PNG bytes"); });
    std::string folder = (std::filesystem::temp_directory_path() / "render-test-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string out = folder + "/out.png";
    CHECK(run(api, {"render", kId, out, "--width", "64", "--supersample", "2", "--transparent"}).status == 0);
    CHECK(read_file(out) == "PNG bytes");
    CHECK(api.requests()[0].starts_with("POST /v1/sessions/abcdefghijklmnop/render "));
    CHECK(body_of(api.requests()[0]) ==
          nlohmann::json{{"width", 64}, {"supersample", 2}, {"transparent", true}});
    CHECK(run(api, {"render", kId, "-"}).out == "PNG bytes");
    CHECK(run(api, {"render", kId, "-"}, true).status == 2);
    status = 502;
    CHECK(run(api, {"render", kId, folder + "/none.png"}).status == 1);
    CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
    std::filesystem::remove_all(folder);
}
