#include "manager/store/write_queue.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::manager;

namespace {

SessionRecord session(const std::string& id, const std::string& name) {
    SessionRecord record;
    record.view.id = id;
    record.view.name = name;
    return record;
}

DayUsage account(const std::string& day, std::uint64_t sessions) {
    DayUsage usage;
    usage.tenant = "acme";
    usage.day = day;
    usage.sessions = sessions;
    return usage;
}

TokenRecord token(const std::string& id, const std::string& hash) {
    TokenRecord record;
    record.token.id = id;
    record.hash = hash;
    return record;
}

} // namespace

TEST_CASE("the newest word on each session, token and day counts") {
    WriteQueue backlog;
    CHECK(backlog.empty());
    backlog.put(session("a", "old"), account("2026-01-01", 1));
    backlog.put(session("a", "new"), account("2026-01-01", 2));
    backlog.put(session("b", "gone"), std::nullopt);
    backlog.forget("b");
    backlog.put_token("t", token("t", "old"));
    backlog.put_token("t", token("t", "new"));
    backlog.put_token("u", token("u", "gone"));
    backlog.put_token("u", std::nullopt);
    backlog.forget_usage_before("2025-01-01");
    const StoreBatch batch = backlog.take();
    REQUIRE(batch.put.size() == 1);
    CHECK(batch.put[0].view.name == "new");
    CHECK(batch.forget == std::vector<std::string>{"b"});
    REQUIRE(batch.put_tokens.size() == 1);
    CHECK(batch.put_tokens[0].hash == "new");
    CHECK(batch.forget_tokens == std::vector<std::string>{"u"});
    REQUIRE(batch.put_usage.size() == 1);
    CHECK(batch.put_usage[0].sessions == 2);
    CHECK(batch.forget_usage_before == "2025-01-01");
    CHECK(backlog.empty());
    CHECK(backlog.take().empty());
}

TEST_CASE("what could not be written does not undo what came meanwhile") {
    WriteQueue backlog;
    for (const char* id : {"a", "b", "c"})
        backlog.put(session(id, "old"), std::nullopt);
    backlog.put_token("t", token("t", "old"));
    backlog.put_token("u", std::nullopt);
    backlog.put(session("a", "old"), account("2026-01-01", 1));
    backlog.forget_usage_before("2025-01-01");
    StoreBatch batch = backlog.take();
    backlog.put(session("a", "new"), account("2026-01-01", 2));
    backlog.forget("b");
    backlog.put_token("t", std::nullopt);
    backlog.put_token("u", token("u", "new"));
    backlog.forget_usage_before("2025-01-02");
    backlog.give_back(std::move(batch));
    const StoreBatch again = backlog.take();
    REQUIRE(again.put.size() == 2);
    CHECK(again.put[0].view.name == "new");
    CHECK(again.put[1].view.id == "c");
    CHECK(again.forget == std::vector<std::string>{"b"});
    CHECK(again.forget_tokens == std::vector<std::string>{"t"});
    REQUIRE(again.put_tokens.size() == 1);
    CHECK(again.put_tokens[0].hash == "new");
    REQUIRE(again.put_usage.size() == 1);
    CHECK(again.put_usage[0].sessions == 2);
    CHECK(again.forget_usage_before == "2025-01-02");
}
