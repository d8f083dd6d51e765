#include "manager/session/registry.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;

namespace {

struct Fixture {
    explicit Fixture(std::size_t kept, Duration age = std::chrono::hours(1)) {
        tuning.ended_kept = kept;
        tuning.ended_age = age;
        registry.emplace(tuning);
    }
    SessionPtr add(const std::string& id, const std::string& tenant = "acme", Kind kind = Kind::tenant) {
        SessionView facts;
        facts.id = id;
        facts.tenant = tenant;
        auto session = std::make_shared<Session>(io, tuning, kind, facts, policy::Policy{},
                                                 policy::Overrides{}, "hash of " + id);
        registry->add(session);
        return session;
    }
    void retire(const SessionPtr& session) {
        SessionView view = session->view();
        view.end = SessionView::End{};
        registry->retire(session, view);
    }
    Errc error_of_visible(const std::string& id) const {
        try {
            static_cast<void>(registry->visible(id));
        } catch (const Error& error) {
            return error.code();
        }
        return Errc::internal;
    }

    boost::asio::io_context io;
    Tuning tuning;
    std::optional<Registry> registry;
};

} // namespace

TEST_CASE("a session is live, then ended, and its token's hash leads to it in both") {
    Fixture fixture(10);
    const SessionPtr session = fixture.add("one");
    CHECK(fixture.registry->visible("one") == session);
    CHECK(fixture.registry->live_count_of_tenant("acme") == 1);
    fixture.retire(session);
    CHECK(fixture.registry->live("one") == nullptr);
    CHECK(fixture.registry->live_count_of_tenant("acme") == 0);
    CHECK(fixture.error_of_visible("one") == Errc::gone);
    CHECK(fixture.registry->ended("one") != nullptr);
    CHECK(fixture.registry->id_of_token_hash("hash of one") == "one");
    CHECK(fixture.registry->token_hash("one") == "hash of one");
    CHECK(fixture.error_of_visible("two") == Errc::not_found);
}

TEST_CASE("only so many ended sessions are kept: the oldest is forgotten with its token") {
    Fixture fixture(2);
    for (const char* id : {"one", "two", "three"})
        fixture.retire(fixture.add(id));
    CHECK(fixture.registry->ended("one") == nullptr);
    CHECK(fixture.error_of_visible("one") == Errc::not_found);
    CHECK_FALSE(fixture.registry->id_of_token_hash("hash of one").has_value());
    CHECK(fixture.registry->ended("two")->id == "two");
    CHECK(fixture.registry->ended("three")->id == "three");
    CHECK(fixture.registry->all_ended().size() == 2);
}

TEST_CASE("an ended session is forgotten when its time is over") {
    Fixture fixture(10, Duration(0));
    fixture.retire(fixture.add("one"));
    CHECK(fixture.registry->ended("one") == nullptr);
    CHECK(fixture.registry->all_ended().empty());
}

TEST_CASE("a probe is live, but nobody sees it, it counts for no tenant, and nothing of it is kept") {
    Fixture fixture(10);
    const SessionPtr probe = fixture.add("probe", "acme", Kind::probe);
    CHECK(fixture.registry->live("probe") == probe);
    CHECK(fixture.error_of_visible("probe") == Errc::not_found);
    CHECK(fixture.registry->live_count_of_tenant("acme") == 0);
    fixture.retire(probe);
    CHECK(fixture.registry->all_ended().empty());
    CHECK_FALSE(fixture.registry->id_of_token_hash("hash of probe").has_value());
}

TEST_CASE("a session that leaves twice is a defect that is told") {
    Fixture fixture(10);
    const SessionPtr session = fixture.add("one");
    fixture.retire(session);
    CHECK_THROWS_AS(fixture.retire(session), Error);
}
