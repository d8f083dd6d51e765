#include "launcher/server/responder.hpp"

#include <optional>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::launcher;

namespace {

/// What a caller hears.
struct Heard {
    std::vector<protocol::Reply> replies;

    Responder responder() {
        return Responder(
            [this](protocol::Reply reply, const std::vector<int>&) { replies.push_back(std::move(reply)); });
    }
    bool was_given_up() const {
        const auto* failure = std::get_if<protocol::Failure>(&replies.at(0));
        return failure != nullptr && failure->code == Errc::gone;
    }
};

} // namespace

TEST_CASE("an answer is given once") {
    Heard heard;
    {
        Responder responder = heard.responder();
        CHECK(responder);
        responder(protocol::Frozen{true}, {});
        CHECK_FALSE(responder);
        responder(protocol::Frozen{false}, {});
    }
    CHECK(heard.replies == std::vector<protocol::Reply>{protocol::Frozen{true}});
}

TEST_CASE("an answer that nobody gives is a failure, so that nobody waits for it") {
    Heard heard;
    {
        const Responder dropped = heard.responder();
        CHECK(heard.replies.empty());
    }
    REQUIRE(heard.replies.size() == 1);
    CHECK(heard.was_given_up());
}

TEST_CASE("who takes an answer over owes it, and nobody else does") {
    Heard heard;
    std::optional<Responder> taker;
    {
        Responder first = heard.responder();
        taker.emplace(std::move(first));
    }
    CHECK(heard.replies.empty());
    {
        Responder kept;
        kept = std::move(*taker);
        taker.reset();
        CHECK(heard.replies.empty());
    }
    REQUIRE(heard.replies.size() == 1);
    CHECK(heard.was_given_up());
}
