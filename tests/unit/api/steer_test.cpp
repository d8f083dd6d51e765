// Routes that change a session, and those that tell of it.
#include "api_world.hpp"

#include <chrono>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <sys/socket.h>

using namespace sandbox;
using nlohmann::json;
using sandbox::test::Answer;
using sandbox::test::ApiWorld;

namespace {

const std::string kAdmin = "admin-token", kAcme = "acme-token", kTiny = "tiny-token";

std::string make(ApiWorld& api, const std::string& body = "{}") {
    const Answer answer = api.ask("POST", "/v1/sessions?wait=ready", kAcme, body);
    REQUIRE(answer.status == 201);
    return json::parse(answer.body)["id"];
}

} // namespace

TEST_CASE("a file is put, whole, from a body that comes in pieces") {
    ApiWorld api;
    const std::string id = make(api), path = "/v1/sessions/" + id + "/files/a/b%20c";
    const std::string body(100'000, 'x');
    const Answer answer = api.ask("PUT", path, kAcme, body);
    CHECK(answer.status == 201);
    CHECK(json::parse(answer.body) == json{{"path", "a/b c"}, {"size", 100'000}, {"etag", "\"new-tag\""}});
    CHECK(answer.head.find("ETag: \"new-tag\"\r\n") != std::string::npos);
    CHECK((*api.world.launcher)->files.at(id + "/a/b c") == body);
    const Answer chunked =
        api.ask("PUT", path, kAcme, "", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n");
    CHECK(chunked.status == 200);
    CHECK((*api.world.launcher)->files.at(id + "/a/b c") == "abcde");
    CHECK(api.ask("DELETE", path, kAcme).status == 200);
    CHECK(api.ask("DELETE", path, kAcme).status == 404);
}

TEST_CASE("a file over the size of /work is 413, of another tenant's session 404, over an old tag 412") {
    ApiWorld api;
    const std::string path = "/v1/sessions/" + make(api) + "/files/a";
    CHECK(api.ask("PUT", path, kAcme, "", "Content-Length: 16777217\r\n").status == 413);
    CHECK(api.ask("PUT", path, kAcme, "", "Content-Length: 999999999999\r\n").status == 413);
    CHECK(api.ask("PUT", path, kTiny, "x").status == 404);
    CHECK(api.ask("PUT", path, kAcme, "x", "If-Match: \"old\"\r\n").status == 412);
    CHECK(api.ask("PUT", path, kAcme, "x", "If-Match: \"tag\"\r\n").status == 201);
    CHECK(api.ask("PUT", path, kAcme, "x", "If-Match: *\r\n").status == 200);
    CHECK(api.ask("PUT", path, kAcme, "x", "If-Match: tag\r\n").status == 400);
    CHECK(api.ask("PUT", path, kAcme, "x", "If-None-Match: *\r\n").status == 412);
}

TEST_CASE(
    "an upload that says it is something else than the file itself is refused, and nothing is replaced") {
    ApiWorld api;
    const std::string id = make(api), path = "/v1/sessions/" + id + "/files/a";
    CHECK(api.ask("PUT", path, kAcme, "whole").status == 201);
    const auto refused = [&](const std::string& headers, const std::string& field) {
        const Answer answer = api.ask("PUT", path, kAcme, "part", headers + "\r\n");
        CHECK(json::parse(answer.body)["field"] == field);
        return answer.status;
    };
    CHECK(refused("Content-Range: bytes 5-8/10", "content-range") == 400);
    CHECK(refused("Range: bytes=5-8", "Range") == 400);
    CHECK(refused("Content-Type: Multipart/form-data; boundary=x", "Content-Type") == 415);
    CHECK(refused("Content-Encoding: gzip", "Content-Encoding") == 415);
    CHECK(refused("Content-MD5: kAFQmDzST7DWlj99KOF/cg==", "Content-MD5") == 400);
    CHECK(refused("Content-Digest: sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:",
                  "Content-Digest") == 400);
    CHECK(refused("If-None-Match: *", "If-None-Match") == 412);
    CHECK(refused("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT", "If-Unmodified-Since") == 412);
    CHECK((*api.world.launcher)->files.at(id + "/a") == "whole");
}

TEST_CASE("a name of any bytes is put and removed by them, and told in both ways") {
    ApiWorld api;
    const std::string id = make(api), path = "/v1/sessions/" + id + "/files/d/l%E9%0a.pdb";
    const json stored = json::parse(api.ask("PUT", path, kAcme, "x").body);
    CHECK(stored["path"] == "d/l\xef\xbf\xbd\n.pdb");
    CHECK(stored["path_encoded"] == "d/l%E9%0A.pdb");
    CHECK((*api.world.launcher)->files.contains(id + "/d/l\xe9\n.pdb"));
    CHECK(api.ask("GET", path, kAcme).body == "d/l\xe9\n.pdb");
    const Answer removed = api.ask("DELETE", path, kAcme);
    CHECK(removed.status == 200);
    CHECK(json::parse(removed.body)["path_encoded"] == "d/l%E9%0A.pdb");
}

TEST_CASE("a file that is downloaded tells when it was changed, and is asked for by that") {
    ApiWorld api;
    const std::string path = "/v1/sessions/" + make(api) + "/files/0123456789";
    const Answer answer = api.ask("GET", path, kAcme);
    CHECK(answer.head.find("Last-Modified: ") != std::string::npos);
    const auto status = [&](const std::string& header) {
        return api.ask("GET", path, kAcme, "", header + "\r\n").status;
    };
    CHECK(status("If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT") == 304);
    CHECK(status("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT") == 412);
    CHECK(status("If-Match: \"other\"") == 412);
    CHECK(status("If-Match: \"other\", \"tag\"") == 200);
    CHECK(status("Range: bytes=2-4\r\nIf-Range: Thu, 01 Jan 1970 00:00:01 GMT") == 200);
    CHECK(api.ask("GET", path + "?after=x", kAcme).status == 400);
}

TEST_CASE("what a route would not look at is refused rather than passed over") {
    ApiWorld api;
    const std::string path = "/v1/sessions/" + make(api);
    const auto field = [&](const std::string& method, const std::string& target, const std::string& body,
                           const std::string& headers, int status) {
        INFO(method << " " << target << " " << body << headers);
        const Answer answer = api.ask(method, target, kAcme, body, headers);
        CHECK(answer.status == status);
        const json problem = json::parse(answer.body);
        return problem.value("field", "");
    };
    CHECK(field("PATCH", path, R"({"name":"b"})", "If-Match: \"a\"\r\n", 412) == "If-Match");
    CHECK(field("POST", path + "/commands", R"({"commands":["version"]})", "Idempotency-Key: a\r\n", 400) ==
          "Idempotency-Key");
    CHECK(field("POST", path + "/touch", R"({"seconds": 10})", "", 400) == "body");
    CHECK(field("DELETE", path, R"({"grace_seconds": 0})", "", 400) == "body");
    CHECK(field("GET", path, R"({"a": 0})", "", 400) == "body");
    CHECK(field("PATCH", path, R"({"name":"b","name":"c"})", "", 400) == "name");
    CHECK(field("PATCH", path, R"({"labels":{"a":"1","a":"2"}})", "", 400) == "a");
    CHECK(field("PATCH", path, R"({"name":"b"})", "Content-Type: application/json; charset=latin1\r\n",
                415) == "Content-Type");
    CHECK(field("PATCH", path, R"({"name":"b"})", "Content-Encoding: br\r\n", 415) == "Content-Encoding");
    CHECK(std::string(json::parse(api.ask("GET", path, kAcme).body)["name"]).empty());
    CHECK(api.ask("POST", path + "/touch", kAcme, "{}").status == 200);
    CHECK(
        api.ask("PATCH", path, kAcme, R"({"name":"b"})", "Content-Type: application/json; charset=UTF-8\r\n")
            .status == 200);
}

TEST_CASE("a session is used from an upload's head to its end, and a download's last byte") {
    ApiWorld api;
    const std::string id = make(api, R"({"idle_timeout_seconds": 0.4})"), path = "/v1/sessions/" + id;
    const std::string head = "Content-Length: 6\r\n";
    UniqueFd upload = api.begin("PUT", path + "/files/a", kAcme, "", head + "\r\nabc");
    const auto wait = [&](std::chrono::milliseconds time) {
        const auto since = std::chrono::steady_clock::now();
        api.world.until([&] { return std::chrono::steady_clock::now() - since > time; }, "time goes by");
    };
    wait(std::chrono::milliseconds(1000));
    CHECK(api.world.state(id) == manager::State::ready);
    REQUIRE(::send(upload.get(), "d", 1, MSG_NOSIGNAL) == 1);
    const auto status = api.finish(std::move(upload)).status;
    CHECK(status == 201);
    // Far more than the socket's buffers take: the rest waits for the client.
    (*api.world.launcher)->contents["big"] = std::string(16U << 20, 'x');
    UniqueFd download = api.begin("GET", path + "/files/big", kAcme);
    wait(std::chrono::milliseconds(1000));
    CHECK(api.world.state(id) == manager::State::ready);
    const auto size = api.finish(std::move(download)).body.size();
    CHECK(size == 16U << 20);
    CHECK(api.world.ended(id).end->reason == manager::EndReason::idle);
}

TEST_CASE("a download that nobody reads does not outlive its session") {
    ApiWorld api;
    const std::string id = make(api), path = "/v1/sessions/" + id;
    (*api.world.launcher)->contents["big"] = std::string(16U << 20, 'x');
    UniqueFd download = api.begin("GET", path + "/files/big", kAcme);
    api.world.until(
        [&] {
            int waiting = 0;
            return ::ioctl(download.get(), FIONREAD, &waiting) == 0 && waiting > 0;
        },
        "the answer begins");
    CHECK(api.ask("DELETE", path, kAcme).status == 200);
    const auto size = api.finish(std::move(download)).body.size();
    CHECK(size < 8U << 20);
}

TEST_CASE("parts, unchanged files and lists are told apart") {
    ApiWorld api;
    const std::string path = "/v1/sessions/" + make(api) + "/files/0123456789";
    const Answer part = api.ask("GET", path, kAcme, "", "Range: bytes=2-4\r\n");
    CHECK(part.status == 206);
    CHECK(part.body == "234");
    CHECK(part.head.find("Content-Range: bytes 2-4/10\r\n") != std::string::npos);
    CHECK(api.ask("GET", path, kAcme, "", "Range: bytes=2-4\r\nIf-Range: \"old\"\r\n").status == 200);
    CHECK(api.ask("GET", path, kAcme, "", "Range: bytes=10-\r\n").status == 416);
    const Answer same = api.ask("GET", path, kAcme, "", "If-None-Match: \"tag\"\r\n");
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK(json::parse(api.ask("GET", path + "?list=1", kAcme).body)["entries"].empty());
}

TEST_CASE("a change takes labels, clocks and limits, and refuses what the policy does not allow") {
    ApiWorld api;
    const std::string path = "/v1/sessions/" + make(api, R"({"policy": "mortal", "labels": {"old": "1"}})");
    const Answer answer = api.ask("PATCH", path, kAcme,
                                  R"({"name": "n", "labels": {"new": "2"}, "idle_timeout_seconds": 20,
                    "limits": {"memory_bytes": 2147483648}})");
    CHECK(answer.status == 200);
    const json document = json::parse(answer.body);
    CHECK(document["name"] == "n");
    CHECK(document["labels"] == json{{"new", "2"}});
    CHECK(document["limits"]["enforced"]["memory_bytes"] == 2147483648);
    CHECK(document["limits"]["asked"]["memory_bytes"] == 2147483648);
    for (const char* refused :
         {R"({"idle_timeout_seconds": 51})", R"({"max_lifetime_seconds": 101})",
          R"({"limits": {"memory_bytes": 2147483649}})", R"({"limits": {"cpus": 1}})"}) {
        INFO(refused);
        CHECK(api.ask("PATCH", path, kAcme, refused).status == 403);
    }
    CHECK(api.ask("PATCH", path, kAcme, "{}").status == 400);
    CHECK(api.ask("PATCH", path, kAcme, R"({"policy": "quick"})").status == 400);
    CHECK(api.ask("PATCH", path, kTiny, R"({"name": "n"})").status == 404);
}

TEST_CASE("a restart is taken where the policy has none") {
    ApiWorld api;
    const std::string id = make(api), path = "/v1/sessions/" + id;
    const Answer answer = api.ask("POST", path + "/restart", kAcme);
    CHECK(answer.status == 202);
    CHECK(json::parse(answer.body)["state"] == "recovering");
    CHECK(json::parse(api.ask("GET", path + "/wait?state=ready", kAcme).body)["restarts"] == 1);
}

TEST_CASE("a picture of a size that may not be is 400") {
    ApiWorld api;
    const std::string id = make(api), path = "/v1/sessions/" + id + "/render";

    CHECK(api.ask("POST", path, kAcme, R"({"width": 0})").status == 400);
    CHECK(api.ask("POST", path, kAcme, R"({"width": 8193})").status == 400);
    CHECK(api.ask("POST", path, kAcme, R"({"transparent": 1})").status == 400);
    CHECK(api.ask("POST", path, kTiny).status == 404);
}

TEST_CASE("pages of the list follow each other, and all together are all") {
    ApiWorld api;
    std::vector<std::string> made;
    for (int i = 0; i < 5; ++i)
        made.push_back(make(api));
    std::vector<std::string> seen;
    std::string cursor;
    int pages = 0;
    do {
        const Answer answer =
            api.ask("GET", "/v1/sessions?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor), kAcme);
        REQUIRE(answer.status == 200);
        const json page = json::parse(answer.body);
        for (const json& session : page["sessions"])
            seen.push_back(session["id"]);
        cursor = page.value("next_cursor", "");
        ++pages;
    } while (!cursor.empty());
    CHECK(pages == 3);
    std::ranges::sort(made);
    std::ranges::sort(seen);
    CHECK(seen == made);
    CHECK(api.ask("GET", "/v1/sessions?cursor=x", kAcme).status == 400);
}

TEST_CASE("a quota tells a tenant its own, and an admin all") {
    ApiWorld api;
    make(api);
    const json own = json::parse(api.ask("GET", "/v1/quota", kAcme).body)["quotas"];
    REQUIRE(own.size() == 1);
    CHECK(own[0]["tenant"] == "acme");
    CHECK(own[0]["sessions"]["live"] == 1);
    CHECK(own[0]["sessions"]["max"] == 20);
    CHECK(json::parse(api.ask("GET", "/v1/quota", kAdmin).body)["quotas"].size() == 3);
    CHECK(api.ask("GET", "/v1/quota?tenant=none", kAdmin).status == 404);
    CHECK(json::parse(api.ask("GET", "/v1/quota?tenant=tiny", kAcme).body)["quotas"] == own);
}

TEST_CASE("a tenant reads its own part of the audit trail") {
    ApiWorld api;
    const std::string id = make(api);
    api.world.run(api.world.manager().written());
    const json found = json::parse(api.ask("GET", "/v1/audit?session=" + id, kAcme).body);
    CHECK(found["truncated"] == false);
    REQUIRE(found["entries"].size() >= 3);
    for (const json& entry : found["entries"])
        CHECK(entry["tenant"] == "acme");
    CHECK(json::parse(api.ask("GET", "/v1/audit?session=" + id, kTiny).body)["entries"].empty());
    CHECK(api.ask("GET", "/v1/audit?tenant=acme", kTiny).status == 403);
    CHECK(json::parse(api.ask("GET", "/v1/audit?limit=1", kAdmin).body)["truncated"] == true);
    CHECK(api.ask("GET", "/v1/audit?since=yesterday", kAdmin).status == 400);
    CHECK(
        json::parse(api.ask("GET", "/v1/audit?since=2999-01-01T00:00:00Z", kAdmin).body)["entries"].empty());
}

TEST_CASE("a followed log goes on until the session has ended") {
    ApiWorld api;
    const std::string id = make(api), path = "/v1/sessions/" + id;
    api.world.launcher->sandbox(id).write("log/stdout.0", "first\n");
    UniqueFd connection = api.begin("GET", path + "/logs?follow=1", kAcme);
    api.world.settle();
    api.world.launcher->sandbox(id).write("log/stdout.0", "first\nsecond\n");
    const Answer stats = api.ask("GET", path + "/stats", kAcme);
    CHECK(stats.status == 200);
    UniqueFd figures = api.begin("GET", path + "/stats?follow=1", kAcme);
    api.world.settle();
    CHECK(api.ask("DELETE", path + "?grace_seconds=0", kAcme).status == 200);
    const Answer log = api.finish(std::move(connection));
    CHECK(log.status == 200);
    CHECK(log.body.find("first\n") != std::string::npos);
    CHECK(log.body.ends_with("0\r\n\r\n"));
    const Answer followed = api.finish(std::move(figures));
    CHECK(followed.head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(followed.body.find("event: stats\ndata: {\"id\":\"" + id) != std::string::npos);
    CHECK(followed.body.find("\"state\":\"ended\"") != std::string::npos);
}
