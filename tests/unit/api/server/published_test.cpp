#include "api/server/published.hpp"
#include "api_world.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using sandbox::api::Admitted;
using sandbox::api::Request;
using sandbox::api::Response;
using sandbox::test::error_of;
using sandbox::test::World;

namespace {

/// A session and what its published port answers.
struct Port {
    Port() : created(world.ready()), admit(api::published_port(world.manager(), created.session.id)) {}

    Response ask(const std::string& method, const std::string& target, const std::string& authorization) {
        Request request;
        request.method = method;
        api::parse_target(request, target);
        request.headers = {{"host", "127.0.0.1:50000"}};
        if (!authorization.empty())
            request.headers.emplace_back("authorization", authorization);
        const Admitted admitted = admit(request);
        return admitted.refusal ? *admitted.refusal : world.run(admitted.answer(request));
    }
    std::string bearer() const { return "Bearer " + created.token; }

    World world;
    manager::Created created;
    api::Admit admit;
};

} // namespace

TEST_CASE("a published port lets the session's token through to /run and /cmdline.html") {
    Port port;
    CHECK(port.ask("GET", "/run?command=a", port.bearer()).status == 200);
    CHECK(port.ask("POST", "/run", port.bearer()).status == 200);
    CHECK(port.ask("GET", "/cmdline.html", port.bearer()).status == 200);
    CHECK(port.world.launcher->sandbox(port.created.session.id).engine->ran ==
          std::vector<std::string>{"/run?command=a", "/run"});
}

TEST_CASE("what comes through a published port is in the audit trail as raw REST is") {
    Port port;
    REQUIRE(port.ask("GET", "/run?command=a&x=1;command=b", port.bearer()).status == 200);
    port.world.run(port.world.manager().audited());
    manager::AuditQuery query;
    query.session = port.created.session.id;
    const manager::AuditFound found = port.world.run(port.world.manager().search_audit(query));
    REQUIRE_FALSE(found.lines.empty());
    const auto line = nlohmann::json::parse(found.lines.back());
    CHECK(line["action"] == "rest");
    CHECK(line["actor"] == "session " + query.session + " published port");
    CHECK(line["tenant"] == "acme");
    CHECK(line["outcome"] == "200");
    const std::string key = read_file((port.world.dir.path / "state/manager/audit-key").string());
    CHECK(line["command_hashes"] ==
          nlohmann::json{hmac_sha256_hex(key, "a"), hmac_sha256_hex(key, "x=1;command=b")});
}

TEST_CASE("without the session's token a published port asks for it, and nothing reaches the engine") {
    Port port;
    const std::string other = port.world.ready().token;
    for (const std::string& authorization :
         {std::string(), std::string("Bearer x"), "Bearer " + other, std::string("Basic OnNlY3JldA==")}) {
        const Response response = port.ask("GET", "/run?command=a", authorization);
        CHECK(response.status == 401);
        REQUIRE(response.headers.size() == 1);
        CHECK(response.headers[0].first == "WWW-Authenticate");
        CHECK(response.headers[0].second.starts_with("Basic "));
    }
    CHECK(port.world.launcher->sandbox(port.created.session.id).engine->ran.empty());
}

TEST_CASE("no other path or method comes through a published port") {
    Port port;
    for (const char* target : {"/", "/run/", "/Run", "/%72un", "/v1/sessions", "/run/../x"}) {
        INFO(target);
        CHECK(error_of([&] { port.ask("GET", target, port.bearer()); }).code() == Errc::not_found);
    }
    for (const char* method : {"PUT", "DELETE", "HEAD", "OPTIONS"})
        CHECK(error_of([&] { port.ask(method, "/run", port.bearer()); }).code() == Errc::not_found);
}

TEST_CASE("a published port is for callers who name it as loopback") {
    Port port;
    Request request;
    request.method = "GET";
    api::parse_target(request, "/run");
    request.headers = {{"host", "evil.example"}, {"authorization", port.bearer()}};
    CHECK(error_of([&] { port.admit(request); }).code() == Errc::invalid_argument);
    request.headers = {
        {"host", "localhost"}, {"origin", "http://evil.example"}, {"authorization", port.bearer()}};
    CHECK(error_of([&] { port.admit(request); }).code() == Errc::denied);
}
