#include "ctl/cli/cli.hpp"
#include "loopback_api.hpp"
#include "sandbox/base/file.hpp"

#include <cstdlib>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;

namespace {

constexpr const char* kId = "abcdefghijklmnop";

struct Ran {
    int status;
    std::string out, err;
};

Ran run(const std::vector<std::string>& arguments, bool is_terminal = false) {
    std::ostringstream out, err;
    const int status = ctl::run(arguments, {.out = out,
                                            .err = err,
                                            .width = is_terminal ? 200U : 0U,
                                            .is_terminal = is_terminal,
                                            .colours = is_terminal});
    return {status, out.str(), err.str()};
}

/// Against an API that gives one answer to everything.
struct Api : test::LoopbackApi {
    Api(unsigned status, const std::string& body)
        : LoopbackApi([answer = test::json_answer(status, body)](const std::string&) { return answer; }) {}
    Ran run(std::vector<std::string> arguments, bool is_terminal = false) const {
        arguments.insert(arguments.begin(), {"--host", address()});
        return ::run(arguments, is_terminal);
    }
};

nlohmann::json session(const std::string& state, const std::string& id = kId) {
    return {{"id", id},         {"name", "x"},
            {"tenant", "acme"}, {"policy", {{"name", "default"}, {"digest", "0123456789abcdef"}}},
            {"state", state},   {"created_at", "2026-01-31T09:05:07.123Z"}};
}

nlohmann::json answer_of_command(const std::string& note, nlohmann::json error = nullptr) {
    return {{"values", {nullptr}},
            {"log",
             {{"note", {note}},
              {"warning", nlohmann::json::array()},
              {"error", nlohmann::json::array()},
              {"bug", nlohmann::json::array()}}},
            {"error", std::move(error)},
            {"duration_seconds", 0.01}};
}

} // namespace

TEST_CASE("wrong usage is exit status 2 with words on standard error, before anything is asked") {
    const Api api(200, "{}");
    for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                   {"dance"},
                                                                   {"ls", "--wrong"},
                                                                   {"-o", "xml", "ls"},
                                                                   {"status"},
                                                                   {"--timeout", "soon", "ls"},
                                                                   {"exec", kId},
                                                                   {"create", "--memory", "much"},
                                                                   {"create", "-l", "no-equals"}}) {
        const Ran ran = api.run(words);
        CAPTURE(words, ran.out, ran.err);
        CHECK(ran.status == 2);
        CHECK(ran.out.empty());
        CHECK_FALSE(ran.err.empty());
    }
    CHECK(api.requests().empty());
}

TEST_CASE("help is no failure and goes to standard output") {
    const Ran ran = run({"--help"});
    CHECK(ran.status == 0);
    for (const char* verb : {"create", "ls", "status", "wait", "exec", "inspect", "verify", "top", "debug",
                             "logs", "stop", "kill", "policy", "tenant", "doctor", "version"})
        CHECK(ran.out.find(std::string("\n  ") + verb + " ") != std::string::npos);
}

TEST_CASE("create prints the id alone, and asks for what the options say") {
    const Api api(201, session("ready").dump());
    const Ran ran = api.run({"create", "-t", "acme", "-p", "default", "-l", "a=b", "--memory", "2G", "--cpus",
                             "1.5", "-e", "X=1", "--wait", "--timeout", "90s"});
    CHECK(ran.status == 0);
    CHECK(ran.out == std::string(kId) + "\n");
    const std::string asked = api.requests().at(0);
    CHECK(asked.starts_with("POST /v1/sessions?wait=ready&timeout=90 "));
    CHECK(nlohmann::json::parse(asked.substr(asked.find("\r\n\r\n") + 4)) ==
          nlohmann::json{{"tenant", "acme"},
                         {"policy", "default"},
                         {"labels", {{"a", "b"}}},
                         {"env", {{"X", "1"}}},
                         {"limits", {{"memory_bytes", 2147483648}, {"cpus", 1.5}}}});
}

TEST_CASE("create --wait that does not become ready in time is exit status 6, and the id is not lost") {
    const Api api(202, session("starting").dump());
    const Ran ran = api.run({"create", "--wait"});
    CHECK(ran.status == 6);
    CHECK(ran.out == std::string(kId) + "\n");
    CHECK(api.run({"create"}).status == 0);
}

TEST_CASE("-q leaves out everything but what was asked for") {
    const Api api(200, session("ready").dump());
    CHECK(api.run({"create", "-q"}).out == std::string(kId) + "\n");
    CHECK(api.run({"status", "-q", kId}).out.find("State:") != std::string::npos);
    for (const char* verb : {"touch", "freeze", "thaw", "stop", "restart"})
        CHECK(api.run({verb, "-q", kId}).out.empty());
}

TEST_CASE("ls leaves ended sessions out unless they are asked for") {
    const Api api(
        200, nlohmann::json{{"sessions",
                             {session("ready", "aaaaaaaaaaaaaaaa"), session("ended", "bbbbbbbbbbbbbbbb")}}}
                 .dump());
    CHECK(api.run({"ls", "-q"}).out == "aaaaaaaaaaaaaaaa\n");
    CHECK(api.run({"ls", "-o", "id", "-a"}).out == "aaaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbbb\n");
    CHECK(nlohmann::json::parse(api.run({"-o", "json", "ls"}).out)["sessions"].size() == 1);
    const Ran table = api.run({"ls"});
    CHECK(table.out.starts_with("ID "));
    CHECK_FALSE(api.run({"ls", "--no-headers"}).out.starts_with("ID "));
}

TEST_CASE("an error of the API is told with its cure, and its code decides the exit status") {
    const Api api(404, R"({"code": "not_found", "detail": "there is no session x", "cure": "look at ls"})");
    const Ran ran = api.run({"status", kId});
    CHECK(ran.status == 3);
    CHECK(ran.out.empty());
    CHECK(ran.err == "sandboxctl: there is no session x\n  look at ls\n");
}

TEST_CASE("status shows a session that has ended, too, with the exit status of what is gone") {
    auto ended = session("ended");
    ended["end"] = {{"reason", "oom"}};
    const Api api(410, nlohmann::json{{"code", "gone"}, {"detail", "ended"}, {"session", ended}}.dump());
    const Ran ran = api.run({"status", kId});
    CHECK(ran.status == 3);
    CHECK(ran.out.find("ended: oom") != std::string::npos);
    CHECK(nlohmann::json::parse(api.run({"status", "-o", "json", kId}).out) == ended);
}

TEST_CASE("waiting for a state that a session will never have is exit status 1") {
    auto ended = session("ended");
    ended["end"] = {{"reason", "oom"}};
    const Api api(200, ended.dump());
    CHECK(api.run({"wait", kId}).status == 1);
    CHECK(api.run({"wait", kId, "--state", "ready,ended"}).status == 0);
    CHECK(api.requests().at(1).find("/wait?state=ready%2Cended&timeout=120 ") != std::string::npos);
}

TEST_CASE("logs go to the stream that ChimeraX wrote to, the last lines where they are asked for") {
    const test::LoopbackApi api([](const std::string& request) {
        const bool is_err = request.find("stream=stderr") != std::string::npos;
        return test::json_answer(200, is_err ? "e1\n" : "one\ntwo\nthree\n");
    });
    const auto logs = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"--host", api.address(), "logs", kId});
        return run(more);
    };
    CHECK(logs({}).out == "one\ntwo\nthree\n");
    CHECK(logs({}).err == "e1\n");
    CHECK(logs({"--tail", "2", "--stream", "stdout"}).out == "two\nthree\n");
    CHECK(logs({"--tail", "9", "--stream", "stdout"}).out == "one\ntwo\nthree\n");
    CHECK(logs({"--tail", "0", "--stream", "stdout"}).out.empty());
    CHECK(logs({"--stream", "stderr"}).out == "e1\n");
}

TEST_CASE("an API that is not there is exit status 1, with the cure") {
    const Ran ran = run({"--host", "unix:///nonexistent/api.sock", "ls"});
    CHECK(ran.status == 1);
    CHECK(ran.err.find("Is sandboxd running?") != std::string::npos);
}

TEST_CASE("exec sends its words as one command and prints the notes") {
    const Api api(200, answer_of_command("1 atom\n").dump());
    const Ran ran = api.run({"exec", kId, "turn", "y", "-30"});
    CHECK(ran.status == 0);
    CHECK(ran.out == "1 atom\n");
    CHECK(ran.err.empty());
    const std::string asked = api.requests().at(0);
    CHECK(asked.starts_with("POST /v1/sessions/abcdefghijklmnop/commands "));
    CHECK(asked.ends_with(R"({"command":"turn y -30"})"));
}

TEST_CASE("exec of a command that ChimeraX refuses is exit status 1, with its words on standard error") {
    const Api api(200, answer_of_command("Unknown command: foo\n",
                                         {{"type", "UserError"}, {"message", "Unknown command: foo"}})
                           .dump());
    const Ran ran = api.run({"exec", kId, "foo"});
    CHECK(ran.status == 1);
    CHECK(ran.err == "sandboxctl: ChimeraX: Unknown command: foo\n");
    CHECK(ran.out.empty()); // it stands in the log, too, and is told once
    CHECK(api.run({"exec", kId, "--json", "foo"}).status == 1);
}

TEST_CASE("exec shows what to do about an error, where the API knows it, and all else that was logged") {
    auto answer = answer_of_command("before\n", {{"type", "UserError"}, {"message", "no network\n"}});
    answer["log"]["error"] = {"no network", "another"};
    answer["hint"] = "Upload the file.";
    const Api api(200, answer.dump());
    const Ran ran = api.run({"exec", kId, "open 1abc"});
    CHECK(ran.status == 1);
    CHECK(ran.out == "before\n");
    CHECK(ran.err == "another\nsandboxctl: ChimeraX: no network\n  Upload the file.\n");
}

TEST_CASE("exec --json prints the whole answer as JSON") {
    const auto answer = answer_of_command("n");
    const Api api(200, answer.dump());
    CHECK(nlohmann::json::parse(api.run({"exec", "--json", kId, "version"}).out) == answer);
}

TEST_CASE("what an engine says cannot steer the terminal") {
    const Api api(200, answer_of_command("a\033]0;evil\ab\n").dump());
    CHECK(api.run({"exec", kId, "log"}, true).out == "a?]0;evil?b\n");
    CHECK(api.run({"exec", kId, "log"}, false).out == "a\033]0;evil\ab\n");
}

TEST_CASE("a file of commands is run line by line, without comments, up to the first error") {
    const test::LoopbackApi api([](const std::string& request) {
        const bool bad = request.find("foo") != std::string::npos;
        const nlohmann::json error = bad ? nlohmann::json{{"type", "UserError"}, {"message", "no"}} : nullptr;
        return test::json_answer(200, answer_of_command("n", error).dump());
    });
    const std::string file = api.host().socket_path + ".cxc";
    write_file_atomically(file, "# a comment\n\n  open 1abc \nfoo\nview\n", 0600);
    const Ran ran = run({"--host", api.address(), "exec", kId, "-f", file});
    CHECK(ran.status == 1);
    REQUIRE(api.requests().size() == 2);
    CHECK(api.requests().at(0).ends_with(R"({"command":"open 1abc"})"));
    CHECK(ran.err.find("stopped at command 2 of 3: foo") != std::string::npos);
    CHECK(run({"--host", api.address(), "exec", kId, "-f", file + ".missing"}).status == 3);
}

TEST_CASE("stop ends every session that it names, also past one that fails") {
    const test::LoopbackApi api([](const std::string& request) {
        if (request.find("bbbbbbbbbbbbbbbb") != std::string::npos)
            return test::json_answer(404, R"({"code": "not_found", "detail": "no session"})");
        auto ended = session("ended", "aaaaaaaaaaaaaaaa");
        ended["end"] = {{"reason", "deleted"}};
        return test::json_answer(200, ended.dump());
    });
    const Ran ran =
        run({"--host", api.address(), "stop", "--grace", "1500ms", "bbbbbbbbbbbbbbbb", "aaaaaaaaaaaaaaaa"});
    CHECK(ran.status == 3);
    CHECK(ran.out == "aaaaaaaaaaaaaaaa ended: deleted\n");
    CHECK(api.requests().at(1).starts_with("DELETE /v1/sessions/aaaaaaaaaaaaaaaa?grace_seconds=1.5 "));
}

TEST_CASE("kill gives no grace") {
    const Api api(200, session("ended").dump());
    CHECK(api.run({"kill", kId}).status == 0);
    CHECK(api.requests().at(0).starts_with("DELETE /v1/sessions/abcdefghijklmnop?grace_seconds=0.0 "));
}

TEST_CASE("a token file is sent as a bearer token, and one that is not a token is refused unsent") {
    const Api api(200, R"({"sessions": []})");
    const std::string file = api.host().socket_path + ".token";
    write_file_atomically(file, "abc-DEF_1\n", 0600);
    CHECK(api.run({"--token-file", file, "ls"}).status == 0);
    CHECK(api.requests().at(0).find("Authorization: Bearer abc-DEF_1\r\n") != std::string::npos);
    write_file_atomically(file, "abc\r\nX-Evil: 1\n", 0600);
    CHECK(api.run({"--token-file", file, "ls"}).status == 2);
    CHECK(api.requests().size() == 1);
}

TEST_CASE("the policy verbs work without an API") {
    const char* root = std::getenv("SANDBOX_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    const std::string policies = std::string(root) + "/policies";
    CHECK(run({"policy", "check", policies + "/default.toml", policies + "/tenants.example/acme.toml",
               policies + "/seccomp/chimerax.json"})
              .status == 0);
    const Ran shown =
        run({"policy", "show", "strict", "--effective", "--policies", policies, "--vendor-policies", "none"});
    CHECK(shown.status == 0);
    CHECK(shown.out.find("memory_max") != std::string::npos);
    CHECK(run({"policy", "--policies", policies, "--vendor-policies", "none", "ls", "-q"})
              .out.find("default\n") != std::string::npos);
    CHECK(run({"policy", "show", "nothing", "--policies", policies, "--vendor-policies", "none"}).status ==
          3);
    CHECK(nlohmann::json::parse(run({"policy", "schema"}).out).contains("properties"));
    CHECK(nlohmann::json::parse(run({"policy", "schema", "tenant"}).out).contains("properties"));
}

TEST_CASE("policy check names the file and is exit status 2 for a bad one, and looks at the others too") {
    const Api folder(200, "{}");
    const std::string socket = folder.host().socket_path;
    const std::string bad = socket.substr(0, socket.rfind('/')) + "/bad.toml";
    write_file_atomically(bad, "[resources]\nmemory_max = \"much\"\n", 0600);
    const char* root = std::getenv("SANDBOX_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    const std::string good = std::string(root) + "/policies/default.toml";
    const Ran ran = run({"policy", "check", bad, good});
    CHECK(ran.status == 2);
    CHECK(ran.out.find(good + ": good") != std::string::npos);
    CHECK(ran.err.find("memory_max") != std::string::npos);
}

TEST_CASE("a new token is alone on standard output, what there is to know of it beside") {
    const nlohmann::json token{
        {"id", "tok_abcdefghijklmnop"}, {"token", "the-secret"}, {"expires_at", "2026-01-31T09:05:07.123Z"}};
    const Api api(201, token.dump());
    const Ran ran = api.run({"token", "new", "--role", "monitor", "--name", "n", "--ttl", "1h30m"});
    CHECK(ran.status == 0);
    CHECK(ran.out == "the-secret\n");
    CHECK(ran.err.find("tok_abcdefghijklmnop") != std::string::npos);
    CHECK(ran.err.find("2026-01-31T09:05:07.123Z") != std::string::npos);
    const std::string asked = api.requests().at(0);
    CHECK(asked.starts_with("POST /v1/tokens HTTP/1.1"));
    CHECK(nlohmann::json::parse(asked.substr(asked.find("\r\n\r\n") + 4)) ==
          nlohmann::json{{"role", "monitor"}, {"name", "n"}, {"ttl_seconds", 5400.0}});
    CHECK(api.run({"-o", "id", "token", "new"}).out == "tok_abcdefghijklmnop\n");
    CHECK(api.run({"-q", "token", "new"}).err.empty());
    CHECK(api.run({"token", "new", "--ttl", "soon"}).status == 2);
}

TEST_CASE("tokens that hold no more are listed only with -a") {
    const auto token = [](const std::string& id, const std::string& state) {
        return nlohmann::json{{"id", id}, {"role", "tenant"}, {"tenant", "acme"}, {"state", state}};
    };
    const Api api(200,
                  nlohmann::json{{"tokens", {token("tok_a", "active"), token("tok_b", "revoked")}}}.dump());
    CHECK(api.run({"-o", "id", "token", "ls"}).out == "tok_a\n");
    CHECK(api.run({"-o", "id", "token", "ls", "-a"}).out == "tok_a\ntok_b\n");
    const Ran table = api.run({"token", "ls", "-t", "acme"});
    CHECK(table.out.find("acme") != std::string::npos);
    CHECK(table.out.find("tok_b") == std::string::npos);
    CHECK(api.requests().back().starts_with("GET /v1/tokens?tenant=acme HTTP/1.1"));
    CHECK(api.run({"token"}).status == 2);
    CHECK(api.run({"token", "revoke"}).status == 2);
}
