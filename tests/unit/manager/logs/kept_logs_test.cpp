#include "manager/logs/kept_logs.hpp"
#include "world.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace sandbox;
using namespace sandbox::manager;
namespace fs = std::filesystem;

namespace {

using Log = SessionView::End::Log;

/// `aaaaaaaaaaaaaaaa` and so on.
std::string name(char last) {
    return std::string(15, 'a') + last;
}

/// Folders as the launcher makes them, and those that are kept.
struct Shelf {
    explicit Shelf(policy::SiteLogs its_limits = {}) : limits(its_limits) { open(); }

    /// As the next manager does.
    void open(const std::vector<KeptLogs::Known>& known = {}) {
        logs.reset();
        logs = std::make_shared<KeptLogs>(io, folder(), limits, std::chrono::hours(24), patience);
        logs->adopt(known);
    }
    std::string folder() const { return (dir.path / "kept").string(); }

    std::string write(const std::string& id, const std::string& out, const std::string& err = {}) {
        const fs::path source = dir.path / "source" / id;
        fs::create_directories(source);
        for (const char* file : {"stdout.0", "stdout.1", "stderr.0", "stderr.1"})
            std::ofstream(source / file) << "";
        std::ofstream(source / "stdout.0") << out;
        std::ofstream(source / "stderr.0") << err;
        return source.string();
    }
    using Answer = std::shared_ptr<std::optional<std::optional<Log>>>;
    Answer start(const std::string& id, const std::string& tenant, const std::string& log_dir,
                 KeptLogs::HeldUp held_up = KeptLogs::HeldUp::slot) {
        auto answer = std::make_shared<std::optional<std::optional<Log>>>();
        boost::asio::co_spawn(io, logs->keep(id, tenant, log_dir, held_up),
                              [answer](const std::exception_ptr& failure, std::optional<Log> log) {
                                  REQUIRE_FALSE(failure);
                                  *answer = std::move(log);
                              });
        return answer;
    }
    std::optional<Log> finish(const Answer& answer) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!*answer && std::chrono::steady_clock::now() < deadline) {
            io.restart();
            io.run_one_for(std::chrono::milliseconds(100));
        }
        REQUIRE(answer->has_value());
        return **answer;
    }
    std::optional<Log> keep(const std::string& id, const std::string& tenant, const std::string& log_dir) {
        return finish(start(id, tenant, log_dir));
    }
    std::optional<Log> keep(const std::string& id, const std::string& tenant, std::size_t size) {
        return keep(id, tenant, write(id, std::string(size, 'x')));
    }
    std::string read(const std::string& id, const std::string& stream) const {
        std::ifstream file(fs::path(folder()) / (id + "." + stream), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    /// What is on the disk, once all that was to go has gone.
    std::size_t files() {
        logs->close();
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder()), {}));
    }

    test::TempDir dir;
    boost::asio::io_context io;
    policy::SiteLogs limits;
    KeptLogs::Patience patience;
    std::shared_ptr<KeptLogs> logs;
};

KeptLogs::Known known(const std::string& id, const std::string& tenant, Duration ago = {}) {
    return {id, tenant, BootClock::now() - ago};
}

} // namespace

TEST_CASE("both streams of a log are kept whole, for the manager's user alone") {
    Shelf shelf;
    const std::string out = std::string(600'000, 'o') + "end\n", err = "oops\xff\n";
    const auto log = shelf.keep(name('a'), "acme", shelf.write(name('a'), out, err));
    REQUIRE(log.has_value());
    CHECK(log->fate == LogFate::kept);
    CHECK(log->bytes.value == out.size() + err.size());
    CHECK(shelf.read(name('a'), "stdout") == out);
    CHECK(shelf.read(name('a'), "stderr") == err);
    CHECK(shelf.logs->bytes() == out.size() + err.size());
    struct stat status {};
    REQUIRE(::stat(shelf.folder().c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0700);
    REQUIRE(::stat((shelf.folder() + "/" + name('a') + ".stdout").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(shelf.files() == 2);
}

TEST_CASE("an empty log is kept as one that is empty; where there is none, none is kept") {
    Shelf shelf;
    const auto empty = shelf.keep(name('a'), "acme", shelf.write(name('a'), ""));
    REQUIRE(empty.has_value());
    CHECK(empty->fate == LogFate::kept);
    CHECK(shelf.logs->has(name('a')));
    CHECK_FALSE(shelf.keep(name('b'), "acme", (shelf.dir.path / "nowhere").string()).has_value());
    CHECK_FALSE(shelf.logs->has(name('b')));
    CHECK(shelf.files() == 2);
}

TEST_CASE("beyond a tenant's size its oldest logs go, and no other tenant's") {
    Shelf shelf({.keep = std::chrono::hours(1), .size_per_tenant = Bytes{1000}, .size = Bytes{10'000}});
    shelf.keep(name('a'), "globex", 400);
    for (const char id : {'b', 'c', 'd', 'e'})
        shelf.keep(name(id), "acme", 400);
    CHECK(shelf.logs->has(name('a')));
    CHECK_FALSE(shelf.logs->has(name('b')));
    CHECK_FALSE(shelf.logs->has(name('c')));
    CHECK(shelf.logs->has(name('d')));
    CHECK(shelf.logs->has(name('e')));
    CHECK(shelf.logs->bytes() == 1200);
    CHECK(test::error_of([&] { shelf.logs->open(name('b'), "stdout"); }).code() == Errc::gone);
    CHECK(shelf.files() == 6);
}

TEST_CASE("beyond the size of all, the tenant that keeps most gives, whoever comes last") {
    Shelf shelf({.keep = std::chrono::hours(1), .size_per_tenant = Bytes{1000}, .size = Bytes{1500}});
    shelf.keep(name('a'), "tiny", 100);
    shelf.keep(name('b'), "acme", 450);
    shelf.keep(name('c'), "acme", 450);
    shelf.keep(name('d'), "globex", 450);
    CHECK(shelf.logs->bytes() == 1450);
    shelf.keep(name('e'), "globex", 450);
    CHECK(shelf.logs->has(name('a')));
    CHECK(shelf.logs->bytes() == 1450);
    shelf.keep(name('f'), "tiny", 100);
    CHECK(shelf.logs->has(name('a')));
    CHECK(shelf.logs->has(name('f')));
    CHECK(shelf.logs->bytes() <= 1500);
}

TEST_CASE("of one log, each stream has half of what its tenant may keep, its end") {
    Shelf shelf({.keep = std::chrono::hours(1), .size_per_tenant = Bytes{1000}, .size = Bytes{10'000}});
    const std::string source = shelf.write(name('a'), std::string(2000, 'x') + "end", "small");
    const auto log = shelf.keep(name('a'), "acme", source);
    CHECK(log->bytes.value == 505);
    CHECK(shelf.read(name('a'), "stdout") == std::string(497, 'x') + "end");
    CHECK(shelf.logs->has(name('a')));
}

TEST_CASE("what a tenant made huge without writing it costs no more than what a tenant may keep") {
    Shelf shelf({.keep = std::chrono::hours(1), .size_per_tenant = 1_MiB, .size = 4_MiB});
    const std::string source = shelf.write(name('a'), "x");
    fs::resize_file(source + "/stdout.0", std::uintmax_t{1} << 40);
    fs::resize_file(source + "/stdout.1", std::uintmax_t{1} << 40);
    const auto log = shelf.keep(name('a'), "acme", source);
    CHECK(log->bytes == 512_KiB);
}

TEST_CASE("links and FIFOs in the place of a log are not followed and not waited for") {
    Shelf shelf;
    const std::string source = shelf.write(name('a'), "");
    std::ofstream(shelf.dir.path / "secret") << "secret";
    fs::remove(source + "/stdout.0");
    fs::create_symlink(shelf.dir.path / "secret", source + "/stdout.0");
    fs::remove(source + "/stderr.0");
    REQUIRE(::mkfifo((source + "/stderr.0").c_str(), 0600) == 0);
    shelf.keep(name('a'), "acme", source);
    CHECK(shelf.read(name('a'), "stdout").empty());
    CHECK(shelf.read(name('a'), "stderr").empty());
}

TEST_CASE("what cannot be written loses the log, leaves nothing, and says why") {
    Shelf shelf;
    const std::string source = shelf.write(name('a'), "out", "err");
    fs::create_directory(shelf.folder() + "/" + name('a') + ".stderr.part");
    const auto log = shelf.keep(name('a'), "acme", source);
    REQUIRE(log.has_value());
    CHECK(log->fate == LogFate::failed);
    CHECK_THAT(log->message, Catch::Contains("could not be kept"));
    CHECK_FALSE(shelf.logs->has(name('a')));
    CHECK(shelf.files() == 1);
}

TEST_CASE("logs go when their time is over, and when the session is forgotten") {
    Shelf shelf({.keep = std::chrono::hours(1), .size_per_tenant = 1_MiB, .size = 1_MiB});
    for (const char id : {'a', 'b'})
        shelf.keep(name(id), "acme", 10);
    shelf.logs->forget(name('a'));
    CHECK_FALSE(shelf.logs->has(name('a')));
    shelf.logs->drop_old(BootClock::now() + std::chrono::minutes(59));
    CHECK(shelf.logs->has(name('b')));
    shelf.logs->drop_old(BootClock::now() + std::chrono::minutes(61));
    CHECK(shelf.logs->count() == 0);
    CHECK(shelf.logs->bytes() == 0);
    CHECK(shelf.files() == 0);
}

TEST_CASE("no log is kept longer than the record of its session") {
    Shelf shelf({.keep = std::chrono::hours(100), .size_per_tenant = 1_MiB, .size = 1_MiB});
    CHECK(shelf.logs->age() == std::chrono::hours(24));
}

TEST_CASE("a site that keeps none copies none, and what was kept before goes at once") {
    Shelf shelf;
    shelf.keep(name('a'), "acme", 10);
    shelf.logs->take({.keep = std::nullopt});
    CHECK(shelf.logs->count() == 0);
    const auto log = shelf.keep(name('b'), "acme", 10);
    REQUIRE(log.has_value());
    CHECK(log->fate == LogFate::off);
    CHECK(shelf.files() == 0);
}

TEST_CASE("smaller limits are in force at once") {
    Shelf shelf;
    for (const char id : {'a', 'b', 'c'})
        shelf.keep(name(id), "acme", 100);
    shelf.logs->take({.keep = std::chrono::hours(1), .size_per_tenant = Bytes{250}, .size = Bytes{1000}});
    CHECK_FALSE(shelf.logs->has(name('a')));
    CHECK(shelf.logs->bytes() == 200);
}

TEST_CASE("the next manager keeps what is known, counts it, and removes what no record tells of") {
    Shelf shelf({.keep = std::chrono::hours(1), .size_per_tenant = Bytes{1000}, .size = Bytes{10'000}});
    for (const char id : {'a', 'b', 'c', 'd'})
        shelf.keep(name(id), "acme", 200);
    std::ofstream(shelf.folder() + "/" + name('e') + ".stdout.part") << "half of one";
    std::ofstream(shelf.folder() + "/" + name('f') + ".stdout") << "one stream of two";
    shelf.open({known(name('a'), "acme", std::chrono::hours(2)), known(name('c'), "acme"),
                known(name('d'), "acme"), known(name('f'), "acme")});
    CHECK_FALSE(shelf.logs->has(name('a'))); // too old
    CHECK_FALSE(shelf.logs->has(name('b'))); // unknown
    CHECK_FALSE(shelf.logs->has(name('f')));
    CHECK(shelf.logs->has(name('c')));
    CHECK(shelf.logs->bytes() == 400);
    // In the order of the ends.
    shelf.keep(name('g'), "acme", shelf.write(name('g'), std::string(500, 'o'), std::string(200, 'e')));
    CHECK_FALSE(shelf.logs->has(name('c')));
    CHECK(shelf.logs->has(name('d')));
    CHECK(shelf.files() == 4);
}

TEST_CASE("an end that an earlier manager did not bring to its end is kept anew, and counted once") {
    Shelf shelf;
    shelf.keep(name('a'), "acme", 100);
    shelf.keep(name('a'), "acme", 150);
    CHECK(shelf.logs->bytes() == 150);
    shelf.open();
    shelf.keep(name('a'), "acme", 170); // its record was not written: the next manager ends it again
    CHECK(shelf.read(name('a'), "stdout").size() == 170);
    CHECK(shelf.files() == 2);
}

TEST_CASE("nobody waits longer for a log than it is worth") {
    Shelf shelf;
    shelf.patience.copy = Duration(0);
    shelf.open();
    const std::string source = shelf.write(name('a'), "x");
    fs::resize_file(source + "/stdout.0", std::uintmax_t{1} << 30); // as much as a tenant may keep is copied
    const auto log = shelf.keep(name('a'), "acme", source);
    REQUIRE(log.has_value());
    CHECK(log->fate == LogFate::failed);
    CHECK_THAT(log->message, Catch::Contains("took longer"));
    shelf.logs->close();
    shelf.io.restart();
    shelf.io.poll();
    CHECK_FALSE(shelf.logs->has(name('a')));
    CHECK(shelf.files() == 0);
}

TEST_CASE(
    "the time of a copy begins with it; for its turn an end waits some time, and a host's restart any") {
    Shelf shelf({.keep = std::chrono::hours(1), .size_per_tenant = 512_MiB, .size = 1024_MiB});
    shelf.patience.queue = Duration(0);
    shelf.open();
    const std::string big = shelf.write(name('a'), "x");
    fs::resize_file(big + "/stdout.0", std::uintmax_t{256} << 20);
    const auto first = shelf.start(name('a'), "acme", big);
    const auto late = shelf.start(name('b'), "acme", shelf.write(name('b'), "b"));
    const auto patient =
        shelf.start(name('c'), "acme", shelf.write(name('c'), "c"), KeptLogs::HeldUp::nothing);
    const auto lost = shelf.finish(late);
    CHECK(lost->fate == LogFate::failed);
    CHECK_THAT(lost->message, Catch::Contains("could not begin"));
    CHECK_FALSE(first->has_value()); // the one before is at work still
    CHECK(shelf.finish(first)->fate == LogFate::kept);
    CHECK(shelf.finish(patient)->fate == LogFate::kept);
    CHECK(shelf.logs->has(name('c')));
    CHECK_FALSE(shelf.logs->has(name('b')));
    CHECK(shelf.files() == 4);
}

TEST_CASE("tenants take turns: a hundred ends of one do not make the other's wait for all of them") {
    Shelf shelf;
    std::vector<std::string> order;
    const auto start = [&](const std::string& id, const std::string& tenant) {
        boost::asio::co_spawn(shelf.io, shelf.logs->keep(id, tenant, shelf.write(id, "x")),
                              [&order, tenant](const std::exception_ptr& failure, const std::optional<Log>&) {
                                  REQUIRE_FALSE(failure);
                                  order.push_back(tenant);
                              });
    };
    for (int i = 0; i < 100; ++i)
        start(std::string(14, 'a') + static_cast<char>('a' + i / 26) + static_cast<char>('a' + i % 26),
              "acme");
    start(name('z'), "globex");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (order.size() < 101 && std::chrono::steady_clock::now() < deadline)
        shelf.io.run_one_for(std::chrono::milliseconds(100));
    REQUIRE(order.size() == 101);
    CHECK(std::ranges::find(order, "globex") - order.begin() < 4);
}
