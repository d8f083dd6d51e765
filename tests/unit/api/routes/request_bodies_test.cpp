#include "api/routes/request_bodies.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;
using namespace std::chrono_literals;

namespace {

const Caller kAdmin{.role = Role::admin, .tenant = {}, .session = {}};
const Caller kAcme{.role = Role::tenant, .tenant = "acme", .session = {}};

/// "code field" of the refusal.
template <typename Action>
std::string refusal(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        CHECK_FALSE(error.cure().empty());
        return std::string(errc_info(error.code()).text) + " " + error.field();
    }
    return "it was taken";
}

std::string of_create(const std::string& body, const Caller& caller = kAcme) {
    return refusal([&] { parse_create(body, caller); });
}

std::string of_commands(const std::string& body) {
    return refusal([&] { parse_commands(body); });
}

std::string text(std::size_t size) {
    return "\"" + std::string(size, 'a') + "\"";
}

} // namespace

TEST_CASE("a create may say everything, and all of it arrives") {
    const auto request = parse_create(
        R"({"policy": "quick", "tenant": "acme", "name": "n m", "labels": {"a": "1", "b": ""},
            "limits": {"memory_bytes": 1073741824, "cpus": 1.5, "pids": 64}, "env": {"LANG": "C"}})",
        kAdmin);
    CHECK(request.policy == "quick");
    CHECK(request.tenant == "acme");
    CHECK(request.name == "n m");
    CHECK(request.labels == std::map<std::string, std::string>{{"a", "1"}, {"b", ""}});
    CHECK(request.overrides.memory_max == Bytes{1073741824});
    CHECK(request.overrides.cpus == 1.5);
    CHECK(request.overrides.pids_max == 64U);
    CHECK(request.overrides.environment == std::map<std::string, std::string>{{"LANG", "C"}});
}

TEST_CASE("a tenant's create may be empty, and overrides nothing") {
    for (const char* body : {"", "{}"}) {
        const auto request = parse_create(body, kAcme);
        CHECK(request.tenant == "acme");
        CHECK(request.policy.empty());
        CHECK(request.overrides == policy::Overrides{});
    }
}

TEST_CASE("a tenant may name itself and nobody else; an admin must name one") {
    CHECK(parse_create(R"({"tenant": "acme"})", kAcme).tenant == "acme");
    CHECK(of_create(R"({"tenant": "other"})") == "denied tenant");
    CHECK(of_create("{}", kAdmin) == "invalid_argument tenant");
    for (const char* name : {R"("A")", R"("a-b")", R"("../x")", "1", "null"})
        CHECK(of_create(R"({"tenant": )" + std::string(name) + "}", kAdmin) == "invalid_argument tenant");
}

TEST_CASE("a body that is no JSON object is refused") {
    for (const char* body :
         {"[]", "null", "1", "{", "{} {}", "{\"name\": \"\xff\"}", "\"{}\"", "{'name': 1}"}) {
        INFO(body);
        CHECK(of_create(body) == "invalid_argument body");
        CHECK(of_commands(body) == "invalid_argument body");
    }
}

TEST_CASE("an unknown key is refused by its name") {
    CHECK(of_create(R"({"polcy": "quick"})") == "invalid_argument polcy");
    CHECK(of_create(R"({"Policy": "quick"})") == "invalid_argument Policy");
    CHECK(of_create(R"({"limits": {"memory": 1}})") == "invalid_argument limits.memory");
    CHECK(of_commands(R"({"command": "a", "wait": true})") == "invalid_argument wait");
}

TEST_CASE("a wrong type is refused by its field") {
    for (const char* value : {"1", "null", "true", "[]", "{}"}) {
        INFO(value);
        CHECK(of_create(R"({"policy": )" + std::string(value) + "}") == "invalid_argument policy");
        CHECK(of_create(R"({"name": )" + std::string(value) + "}") == "invalid_argument name");
        CHECK(of_create(R"({"labels": {"a": )" + std::string(value) + "}}") == "invalid_argument labels.a");
        CHECK(of_create(R"({"env": {"A": )" + std::string(value) + "}}") == "invalid_argument env.A");
    }
    for (const char* value : {"1", "null", "true", "[]", "\"a\""}) {
        INFO(value);
        for (const char* field : {"labels", "env", "limits"})
            CHECK(of_create("{\"" + std::string(field) + "\": " + value + "}") ==
                  "invalid_argument " + std::string(field));
    }
}

TEST_CASE("a policy's name is one that a policy can have") {
    for (const char* name : {"", "../quick", "Quick", "a.toml", "-a"}) {
        INFO(name);
        CHECK(of_create(R"({"policy": ")" + std::string(name) + "\"}") == "invalid_argument policy");
    }
}

TEST_CASE("names, labels and variables have a longest length and no control characters") {
    CHECK(parse_create(R"({"name": )" + text(128) + "}", kAcme).name.size() == 128);
    CHECK(of_create(R"({"name": )" + text(129) + "}") == "invalid_argument name");
    for (const char* escape : {R"(a\nb)", R"(a\u0000b)", R"(\u001b[31m)", R"(\u007f)"})
        CHECK(of_create(R"({"name": ")" + std::string(escape) + "\"}") == "invalid_argument name");
    CHECK(parse_create(R"({"labels": {"a": )" + text(1024) + "}}", kAcme).labels.size() == 1);
    CHECK(of_create(R"({"labels": {"a": )" + text(1025) + "}}") == "invalid_argument labels.a");
    CHECK(of_create(R"({"env": {"A": )" + text(8193) + "}}") == "invalid_argument env.A");
    CHECK(of_create(R"({"env": {"A": "a\u0000b"}})") == "invalid_argument env.A");
    CHECK(of_create(R"({"labels": {"": "x"}})") == "invalid_argument labels");
    CHECK(of_create(R"({"labels": {)" + text(129) + R"(: "x"}})").starts_with("invalid_argument labels."));
}

TEST_CASE("there are at most 64 labels") {
    std::string labels;
    for (int i = 0; i < 64; ++i)
        labels += "\"k" + std::to_string(i) + "\": \"\",";
    CHECK(parse_create(R"({"labels": {)" + labels.substr(0, labels.size() - 1) + "}}", kAcme).labels.size() ==
          64);
    CHECK(of_create(R"({"labels": {)" + labels + R"("one more": ""}})") == "invalid_argument labels");
}

TEST_CASE("counts are whole numbers above 0, of at most 2 to the 62nd") {
    for (const char* field : {"memory_bytes", "pids"}) {
        for (const char* value : {"0", "-1", "1.5", "1.0", "\"1\"", "null", "4611686018427387905", "1e30"}) {
            INFO(field << " " << value);
            CHECK(of_create(R"({"limits": {")" + std::string(field) + "\": " + value + "}}") ==
                  "invalid_argument limits." + std::string(field));
        }
    }
    CHECK(parse_create(R"({"limits": {"pids": 4611686018427387904}})", kAcme).overrides.pids_max ==
          4611686018427387904U);
}

TEST_CASE("cpus are a number above 0") {
    for (const char* value : {"0", "-1", "0.0", "\"1\"", "null", "65537", "1e300"}) {
        INFO(value);
        CHECK(of_create(R"({"limits": {"cpus": )" + std::string(value) + "}}") ==
              "invalid_argument limits.cpus");
    }
    CHECK(parse_create(R"({"limits": {"cpus": 2}})", kAcme).overrides.cpus == 2.0);
}

TEST_CASE("how often ChimeraX is started again is a whole number from 0 on, or left to the policy") {
    CHECK_FALSE(parse_create("{}", kAcme).max_restarts.has_value());
    CHECK(parse_create(R"({"max_restarts": 0})", kAcme).max_restarts == 0U);
    CHECK(parse_create(R"({"max_restarts": 3})", kAcme).max_restarts == 3U);
    for (const char* value : {"-1", "0.5", "\"1\"", "null", "true"}) {
        INFO(value);
        CHECK(of_create("{\"max_restarts\": " + std::string(value) + "}") == "invalid_argument max_restarts");
    }
}

TEST_CASE("the time in the queue is a number of seconds from 0 to an hour, or left to the site") {
    CHECK_FALSE(parse_create("{}", kAcme).queue_timeout.has_value());
    CHECK(parse_create(R"({"queue_timeout_seconds": 0})", kAcme).queue_timeout == 0ms);
    CHECK(parse_create(R"({"queue_timeout_seconds": 1.5})", kAcme).queue_timeout == 1500ms);
    CHECK(parse_create(R"({"queue_timeout_seconds": 1e-9})", kAcme).queue_timeout == 1ms);
    for (const char* value : {"-1", "3601", "\"1\"", "null", "true"}) {
        INFO(value);
        CHECK(of_create("{\"queue_timeout_seconds\": " + std::string(value) + "}") ==
              "invalid_argument queue_timeout_seconds");
    }
}

TEST_CASE("an admin alone learns from a session") {
    CHECK(parse_create(R"({"tenant": "acme", "learn": true})", kAdmin).learns);
    CHECK_FALSE(parse_create(R"({"tenant": "acme"})", kAdmin).learns);
    CHECK_FALSE(parse_create(R"({"learn": false})", kAcme).learns);
    CHECK(of_create(R"({"learn": true})") == "denied learn");
    CHECK(of_create(R"({"tenant": "acme", "learn": 1})", kAdmin) == "invalid_argument learn");
}

TEST_CASE("a key belongs to its caller, and its fingerprint is of what the body means") {
    const auto repeat_of = [](const std::string& body, const Caller& caller, const std::string& key = "k-1") {
        Request request;
        request.body = body;
        request.headers = {{"idempotency-key", key}};
        return parse_repeat(request, caller).value();
    };
    CHECK_FALSE(parse_repeat(Request{}, kAcme).has_value());
    const auto repeat = repeat_of(R"({"name": "n", "policy": "p"})", kAcme);
    CHECK(repeat.key == "k-1");
    CHECK(repeat.fingerprint == repeat_of(R"({"policy":"p",  "name":"n"})", kAcme).fingerprint);
    CHECK(repeat.fingerprint != repeat_of(R"({"policy":"q", "name":"n"})", kAcme).fingerprint);
    CHECK(repeat_of("", kAcme).fingerprint == repeat_of("{}", kAcme).fingerprint);
    CHECK(repeat.caller != repeat_of("{}", kAdmin).caller);
    const Caller named{.role = Role::tenant, .tenant = "admin", .session = {}};
    CHECK(repeat_of("{}", named).caller != repeat_of("{}", kAdmin).caller);
}

TEST_CASE("a key has 1 to 255 visible characters and comes once") {
    const auto of_keys = [](const std::vector<std::string>& keys) {
        Request request;
        for (const std::string& key : keys)
            request.headers.emplace_back("idempotency-key", key);
        return refusal([&] { parse_repeat(request, kAcme); });
    };
    CHECK(of_keys({std::string(255, 'k')}) == "it was taken");
    for (const std::string& key :
         {std::string(), std::string(256, 'k'), std::string("a b"), std::string("\xc3\xa9")})
        CHECK(of_keys({key}) == "invalid_argument Idempotency-Key");
    CHECK(of_keys({"a", "a"}) == "invalid_argument Idempotency-Key");
}

TEST_CASE("commands are one or a list, with the caller's own time") {
    CHECK(parse_commands(R"({"command": "version"})").commands == std::vector<std::string>{"version"});
    CHECK_FALSE(parse_commands(R"({"command": "version"})").timeout);
    const CommandRequest request = parse_commands(R"({"commands": ["a", "b"], "timeout_seconds": 1.5})");
    CHECK(request.commands == std::vector<std::string>{"a", "b"});
    CHECK(request.timeout == 1500ms);
}

TEST_CASE("commands that are neither, both, none, too many or no texts are refused") {
    CHECK(of_commands("{}") == "invalid_argument command");
    CHECK(of_commands(R"({"command": "a", "commands": ["b"]})") == "invalid_argument command");
    CHECK(of_commands(R"({"command": 1})") == "invalid_argument command");
    CHECK(of_commands(R"({"command": "a\nb"})") == "invalid_argument command");
    for (const char* list : {"[]", "\"a\"", "{}", "[1]", "[\"a\", null]"})
        CHECK(of_commands(R"({"commands": )" + std::string(list) + "}") == "invalid_argument commands");
    std::string many = "\"a\"";
    for (int i = 0; i < 1000; ++i)
        many += ",\"a\"";
    CHECK(of_commands(R"({"commands": [)" + many + "]}") == "invalid_argument commands");
    for (const char* seconds : {"0", "-1", "\"1\"", "null", "86401", "1e999"}) {
        INFO(seconds);
        CHECK(refusal([&] {
                  parse_commands(R"({"command": "a", "timeout_seconds": )" + std::string(seconds) + "}");
              }).starts_with("invalid_argument "));
    }
}
