#include "api/routes/ended_session.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::api;
using nlohmann::json;

namespace {

manager::SessionView ended_session(manager::EndReason reason) {
    manager::SessionView session;
    session.id = "abcdefghijklmnop";
    session.state = manager::State::ended;
    session.end = manager::SessionView::End{};
    session.end->reason = reason;
    session.end->message = "what happened";
    return session;
}

} // namespace

TEST_CASE("the problem of an ended session has the session and its end") {
    const manager::SessionView session = ended_session(manager::EndReason::oom);
    const Response response = ended_problem(Error(Errc::gone, "it has ended"), session);
    const json document = json::parse(response.body);
    CHECK(response.status == 410);
    CHECK(document["session"]["id"] == session.id);
    CHECK(document["end"] == document["session"]["end"]);
    CHECK(document["end"]["reason"] == "oom");
    CHECK_FALSE(document["session"].contains("token"));
}

TEST_CASE("who waited is told by the error whose fault the end was") {
    using enum manager::EndReason;
    for (const auto reason : {exited, signalled, oom, hung, start_timeout})
        CHECK(error_of_end(ended_session(reason)).code() == Errc::engine);
    for (const auto reason : {deleted, cancelled})
        CHECK(error_of_end(ended_session(reason)).code() == Errc::conflict);
    const Error late = error_of_end(ended_session(queue_timeout));
    CHECK(late.code() == Errc::capacity);
    CHECK(late.retry()->reason == "queue_timeout");
    for (const auto reason : {launch_failed, shutdown, orphaned})
        CHECK(error_of_end(ended_session(reason)).code() == Errc::unavailable);
    CHECK(std::string(error_of_end(ended_session(oom)).what()).find("what happened") != std::string::npos);
    CHECK(error_of_end(manager::SessionView{}).code() == Errc::gone);
}
