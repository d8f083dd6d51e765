#include "api/routes/uploads.hpp"
#include "sandbox/base/error.hpp"

#include <csignal>
#include <filesystem>
#include <functional>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/statvfs.h>

using namespace sandbox;
using sandbox::api::Uploads;

namespace {

const std::string kFolder = std::filesystem::temp_directory_path();

std::string reason_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.retry() ? error.retry()->reason : "no reason";
    }
    return "none";
}

} // namespace

TEST_CASE("a tenant has a share of the places, and all tenants together have no more than there are") {
    const auto uploads = std::make_shared<Uploads>();
    std::vector<std::unique_ptr<Uploads::Place>> places;
    for (unsigned i = 0; i < Uploads::kMostOfTenant; ++i)
        places.push_back(Uploads::enter(uploads, "acme", kFolder));
    CHECK(reason_of([&] { Uploads::enter(uploads, "acme", kFolder); }) == "tenant_uploads");
    while (places.size() < Uploads::kMost - Uploads::kKeptForOthers)
        places.push_back(Uploads::enter(uploads, "t" + std::to_string(places.size() / 8), kFolder));
    CHECK(reason_of([&] { Uploads::enter(uploads, "t5", kFolder); }) == "uploads"); // it has some
    while (places.size() < Uploads::kMost)
        places.push_back(Uploads::enter(uploads, "single" + std::to_string(places.size()), kFolder));
    CHECK(reason_of([&] { Uploads::enter(uploads, "globex", kFolder); }) == "uploads");
    places.erase(places.begin(), places.begin() + 1 + Uploads::kKeptForOthers);
    CHECK(reason_of([&] { Uploads::enter(uploads, "acme", kFolder); }) == "none");
    places.clear();
    CHECK(reason_of([&] { Uploads::enter(uploads, "acme", kFolder); }) == "none");
}

TEST_CASE("uploads leave the disk some room, and a tenant the others' half of it") {
    const auto uploads = std::make_shared<Uploads>();
    const auto place = Uploads::enter(uploads, "acme", kFolder);
    struct statvfs disk {};
    REQUIRE(::statvfs(kFolder.c_str(), &disk) == 0);
    const std::uint64_t free = disk.f_bavail * disk.f_frsize;
    CHECK(reason_of([&] { place->check_room(free); }) == "spool_full");
    CHECK(reason_of([&] { place->check_room(free / 2 + (std::uint64_t{64} << 20)); }) != "none");
    CHECK(reason_of([&] { place->check_room(1000); }) == "none");
    place->write("abc");
    place->write("def");
    CHECK(place->size() == 6);
}

TEST_CASE("a write that the disk does not take is told as a full disk, and not as a defect") {
    const auto uploads = std::make_shared<Uploads>();
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    {
        const auto place = Uploads::enter(uploads, "acme", kFolder);
        rlimit small = before;
        small.rlim_cur = 4;
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
        CHECK(reason_of([&] { place->write("abcdef"); }) == "spool_full");
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    }
    std::signal(SIGXFSZ, handler);
}
