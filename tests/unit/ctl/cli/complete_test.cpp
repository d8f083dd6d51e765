#include "ctl/cli/cli.hpp"
#include "loopback_api.hpp"

#include <chrono>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using test::LoopbackApi;

namespace {

struct Ran {
    int status;
    std::string out, err;
};

Ran complete(std::vector<std::string> words) {
    std::ostringstream out, err;
    words.insert(words.begin(), "__complete");
    const int status = ctl::run(words, {.out = out, .err = err});
    return {status, out.str(), err.str()};
}

bool has(const Ran& ran, const std::string& candidate) {
    return ("\n" + ran.out).find("\n" + candidate + "\t") != std::string::npos ||
           ("\n" + ran.out).find("\n" + candidate + "\n") != std::string::npos;
}

/// One session, one policy, one tenant, and what no server of ours would say.
std::string answer(const std::string& request) {
    if (request.find("/v1/sessions ") != std::string::npos)
        return test::json_answer(200, R"json({"sessions":[
            {"id":"abcdefghijklmnop","state":"ready","tenant":"acme","name":"$(touch x)\n\u001b[2Jname"},
            {"id":"bbbbbbbbbbbbbbbb","state":"ended","tenant":"acme"},
            {"id":"a$(touch pwned)","state":"ready","tenant":"acme"}]})json");
    if (request.find("/v1/policies ") != std::string::npos)
        return test::json_answer(
            200, R"({"policies":[{"name":"batch","description":"long jobs"},{"name":"`id`"}]})");
    return test::json_answer(200, R"({"tenants":[{"name":"acme"},{"name":"a;b"}]})");
}

} // namespace

TEST_CASE("verbs complete with their help, at the top and below") {
    CHECK(has(complete({""}), "create"));
    CHECK(complete({"rest"}).out == "restart\tKill a session's ChimeraX and start it again; /work stays\n");
    CHECK(has(complete({"policy", ""}), "diff"));
    CHECK_FALSE(has(complete({"policy", ""}), "create"));
    CHECK(complete({"nonsense", "x"}).out.empty());
}

TEST_CASE("options complete, those of the verb and those that stand behind any") {
    const Ran ran = complete({"create", "--"});
    for (const char* name : {"--tenant", "--memory", "--wait", "--host", "--help"})
        CHECK(has(ran, name));
    CHECK_FALSE(has(ran, "--follow"));
    CHECK(complete({"exec", "abc", "--", "--"}).out.empty());
    CHECK(complete({"exec", "abc", "log", "--"}).out.empty());
    CHECK_FALSE(complete({"exec", "abc", "--"}).out.empty());
}

TEST_CASE("values of options complete where they are words of ours, in all ways to write them") {
    CHECK(complete({"logs", "--stream", "std"}).out == "stdout\nstderr\n");
    CHECK(complete({"logs", "--stream=stdo"}).out == "--stream=stdout\n");
    CHECK(complete({"logs", "--stream", "=", "stdo"}).out == "stdout\n"); // as bash cuts it
    CHECK(complete({"ls", "-s", "fr"}).out == "frozen\n");
    CHECK(complete({"-o", "js"}).out == "json\n");
    CHECK(complete({"completion", ""}).out == "bash\nzsh\nfish\n");
    CHECK(complete({"create", "--memory", ""}).out.empty());
}

TEST_CASE("what is alive completes, and nothing gets into a shell that is not a name of ours") {
    const LoopbackApi api(answer);
    const auto live = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"--host", api.address()});
        return complete(words).out;
    };
    CHECK(live({"status", ""}) == "abcdefghijklmnop\tready acme $(touch x)??[2Jname\n");
    CHECK(live({"status", "x"}).empty());
    CHECK(live({"stop", "abcdefghijklmnop", "abc"}).starts_with("abcdefghijklmnop\t"));
    CHECK(live({"status", "abcdefghijklmnop", ""}).empty());
    CHECK(live({"create", "-p", ""}) == "batch\tlong jobs\n");
    CHECK(live({"create", "--tenant=a"}) == "--tenant=acme\n");
    CHECK(live({"policy", "show", "b"}) == "batch\tlong jobs\n");
    CHECK(live({"policy", "new", "mine", "--extends", "b"}) == "batch\tlong jobs\n");
    CHECK(live({"tenant", "new", "mine", "--policy", "b"}) == "batch\tlong jobs\n");
    CHECK(live({"policy", "new", "b"}).empty()); // a name that nobody has yet
    CHECK(live({"cp", "a"}).starts_with("abcdefghijklmnop:\t"));
}

TEST_CASE("files are the shell's to complete") {
    CHECK(complete({"exec", "-f", ""}).status == 10);
    CHECK(complete({"policy", "check", "a", ""}).status == 10);
    CHECK(complete({"run", "--", ""}).status == 10);
    CHECK(complete({"exec", ""}).status == 0);
}

TEST_CASE("an API that is not there, or does not answer, is silent, and soon") {
    const Ran none = complete({"--host", "unix:///nonexistent/s", "cp", ""});
    CHECK(none.out.empty());
    CHECK(none.err.empty());
    const LoopbackApi mute([](const std::string&) { return std::string(); });
    const auto started = std::chrono::steady_clock::now();
    const Ran slow = complete({"--host", mute.address(), "status", ""});
    CHECK(slow.out.empty());
    CHECK(slow.err.empty());
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(5));
    CHECK(complete({"--host", "nonsense", "status", ""}).err.empty());
}

TEST_CASE("the description of the command line has every verb and option") {
    std::ostringstream out, err;
    REQUIRE(ctl::run({"__describe"}, {.out = out, .err = err}) == 0);
    const auto all = nlohmann::json::parse(out.str());
    CHECK(all["verbs"].size() > 20);
    for (const auto& verb : all["verbs"])
        CHECK_FALSE(verb["help"].get<std::string>().empty());
}
