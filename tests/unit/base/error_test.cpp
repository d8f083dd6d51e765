#include "sandbox/base/error.hpp"

#include <cerrno>
#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace sandbox;

TEST_CASE("every error code has a text of its own that reads back, an HTTP status and an exit status") {
    std::set<std::string_view> texts;
    for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
        const ErrcInfo& info = errc_info(static_cast<Errc>(i));
        CHECK(info.code == static_cast<Errc>(i));
        CHECK(texts.insert(info.text).second);
        CHECK(errc_from_text(info.text) == info.code);
        CHECK((info.http_status >= 400 && info.http_status < 600));
        CHECK((info.exit_status >= 1 && info.exit_status <= 6));
    }
    CHECK_FALSE(errc_from_text("no_such_code"));
}

TEST_CASE("a refusal that passes says when to try again and what was short, and is else the same error") {
    const Error error(Errc::capacity, "full", "wait", "x");
    CHECK_FALSE(error.retry().has_value());
    const Error passing = error.with({std::chrono::seconds(7), "queue_full"});
    REQUIRE(passing.retry().has_value());
    CHECK(passing.retry()->after == std::chrono::seconds(7));
    CHECK(passing.retry()->reason == "queue_full");
    CHECK(passing.code() == Errc::capacity);
    CHECK(passing.full() == error.full());
    CHECK(passing.field() == "x");
}

TEST_CASE("a failed system call says what failed and why") {
    const Error error = errno_error(ENOENT, "cannot open /x", "make it");
    CHECK(error.code() == Errc::not_found);
    CHECK(std::string(error.what()) == "cannot open /x: No such file or directory");
    CHECK(error.full() == "cannot open /x: No such file or directory\n  make it");
    CHECK(errno_error(EPERM, "x").code() == Errc::denied);
    CHECK(errno_error(ENOSYS, "x").code() == Errc::unsupported);
    CHECK(errno_error(EBUSY, "x").code() == Errc::io);
}

TEST_CASE("an errno with one cause alone brings its own cure, whatever the caller thought of") {
    CHECK_THAT(errno_error(EMFILE, "x", "See who uses the address.").cure(), Catch::Contains("LimitNOFILE"));
    CHECK_THAT(errno_error(ENFILE, "x").cure(), Catch::Contains("fs.file-max"));
    CHECK_THAT(errno_error(EFBIG, "x").cure(), Catch::Contains("LimitFSIZE"));
    CHECK(errno_error(EACCES, "x", "Ask.").cure() == "Ask.");
    CHECK(errno_error(EIO, "x").cure().empty());
}
