#include "manager/audit/audit_search.hpp"
#include "world.hpp"

#include <fstream>
#include <functional>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::TempDir;

namespace {

std::string line(const std::string& at, const std::string& session, const std::string& tenant) {
    return R"({"at":")" + at + R"(","action":"a","session":")" + session + R"(","tenant":")" + tenant +
           "\"}\n";
}

} // namespace

TEST_CASE("the newest lines that fit are found over all files, oldest first") {
    const TempDir dir;
    const std::string one = "2026-01-01T00:00:00.000Z", two = "2026-01-02T00:00:00.000Z",
                      three = "2026-01-03T00:00:00.000Z";
    std::ofstream(dir.path / "audit-20260101T000000000Z.jsonl")
        << line(one, "s", "acme") << line(one, "t", "globex");
    std::ofstream(dir.path / "audit.jsonl") << line(two, "s", "acme") << "half a li\n"
                                            << line(three, "u", "acme");
    const auto found = [&](const std::function<void(AuditQuery&)>& ask) {
        AuditQuery query;
        ask(query);
        return search_audit(dir.path.string(), query);
    };
    CHECK(found([](AuditQuery&) {}).lines.size() == 4);
    CHECK(found([&](AuditQuery& query) { query.session = "s"; }).lines.size() == 2);
    CHECK(found([&](AuditQuery& query) { query.tenant = "globex"; }).lines.size() == 1);
    CHECK(found([&](AuditQuery& query) { query.since = two; }).lines.size() == 2);
    CHECK(found([&](AuditQuery& query) { query.until = two; }).lines.size() == 2);
    const AuditFound newest = found([&](AuditQuery& query) {
        query.tenant = "acme";
        query.limit = 2;
    });
    CHECK(newest.truncated);
    REQUIRE(newest.lines.size() == 2);
    CHECK(newest.lines[0] + "\n" == line(two, "s", "acme"));
    CHECK(newest.lines[1] + "\n" == line(three, "u", "acme"));
    CHECK_FALSE(found([&](AuditQuery& query) {
                    query.tenant = "acme";
                    query.limit = 3;
                }).truncated);
    CHECK(found([&](AuditQuery& query) { query.limit = 0; }).truncated);
}
