#include "manager/capacity/idempotency.hpp"
#include "sandbox/base/id.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;

namespace {

bool is_known(const std::string&) {
    return true;
}

} // namespace

TEST_CASE("a key stands for its caller's session, and for no other caller's") {
    IdempotencyKeys repeats("secret");
    repeats.note(mark_of({"tenant:a", "k", "f"}), "s1", is_known);
    CHECK(repeats.find({"tenant:a", "k", "f"}) == "s1");
    CHECK_FALSE(repeats.find({"tenant:b", "k", "f"}));
    CHECK_FALSE(repeats.find({"tenant:a", "K", "f"}));
}

TEST_CASE("another request under the same key is a conflict, with the header as field") {
    IdempotencyKeys repeats("secret");
    repeats.note(mark_of({"a", "k", "f"}), "s1", is_known);
    const Error error = error_of([&] { repeats.find({"a", "k", "other"}); });
    CHECK(error.code() == Errc::conflict);
    CHECK(error.field() == "Idempotency-Key");
    CHECK_THAT(error.what(), Catch::Contains("s1"));
}

TEST_CASE("a session's token is the same each time, and differs from another's and another program's") {
    const IdempotencyKeys repeats("secret"), others("other");
    CHECK(repeats.token_of("s1") == repeats.token_of("s1"));
    CHECK(repeats.token_of("s1") != repeats.token_of("s2"));
    CHECK(repeats.token_of("s1") != others.token_of("s1"));
    CHECK(repeats.token_of("s1").size() == new_token().size());
}

TEST_CASE("keys of sessions that nobody knows any more are dropped, the others stay") {
    IdempotencyKeys repeats("secret");
    const auto is_new = [](const std::string& session) { return session >= "s5000"; };
    for (int i = 1000; i < 6000; ++i)
        repeats.note(mark_of({"a", std::to_string(i), "f"}), "s" + std::to_string(i), is_new);
    CHECK(repeats.size() < 2100);
    CHECK(repeats.find({"a", "5999", "f"}) == "s5999");
    CHECK(repeats.find({"a", "5000", "f"}) == "s5000");
    CHECK_FALSE(repeats.find({"a", "1000", "f"}));
}
