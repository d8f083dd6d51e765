#include "api/routes/uploads.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <sys/statvfs.h>

namespace sandbox::api {
namespace {

/// The manager's store is on the same disk: uploads leave it so much, or a twentieth of a small one.
constexpr std::uint64_t kReserve = std::uint64_t{256} << 20;

Error disk_full() {
    return Error(Errc::pressure, "the host's disk has no room for more uploads",
                 "Try again later, and tell the operator if it stays so.")
        .with({std::chrono::seconds(30), "spool_full"});
}

} // namespace

std::unique_ptr<Uploads::Place> Uploads::enter(const std::shared_ptr<Uploads>& uploads,
                                               const std::string& tenant, const std::string& folder) {
    const auto share = uploads->tenants_.find(tenant);
    const bool has_some = share != uploads->tenants_.end();
    if (uploads->all_.count >= (has_some ? kMost - kKeptForOthers : kMost))
        throw Error(Errc::capacity, "too many files come in at the same time", "Try again in a moment.")
            .with({std::chrono::seconds(5), "uploads"});
    if (has_some && share->second.count >= kMostOfTenant)
        throw Error(Errc::quota,
                    "tenant " + tenant + " sends " + std::to_string(kMostOfTenant) +
                        " files at the same time already",
                    "Send it again when one is done.")
            .with({std::chrono::seconds(2), "tenant_uploads"});
    try {
        return std::make_unique<Place>(uploads, tenant, open_fd(folder, O_TMPFILE | O_RDWR, 0600));
    } catch (const Error&) {
        if (errno == ENOSPC || errno == EDQUOT)
            throw disk_full();
        throw;
    }
}

Uploads::Place::Place(std::shared_ptr<Uploads> uploads, std::string tenant, UniqueFd file)
    : uploads_(std::move(uploads)),
      tenant_(std::move(tenant)),
      file_(std::move(file)) {
    ++uploads_->all_.count;
    ++uploads_->tenants_[tenant_].count;
}

Uploads::Place::~Place() {
    const auto share = uploads_->tenants_.find(tenant_);
    --uploads_->all_.count;
    uploads_->all_.bytes -= size_;
    share->second.bytes -= size_;
    if (--share->second.count == 0)
        uploads_->tenants_.erase(share);
}

void Uploads::Place::check_room(std::uint64_t more) const {
    struct statvfs disk {};
    if (::fstatvfs(file_.get(), &disk) != 0)
        throw_errno("cannot look at the disk of the uploads");
    const std::uint64_t kept = std::min(kReserve, disk.f_blocks * disk.f_frsize / 20);
    const std::uint64_t free = disk.f_bavail * disk.f_frsize;
    const std::uint64_t room = free > kept ? free - kept : 0;
    if (more > room)
        throw disk_full();
    if (uploads_->tenants_.at(tenant_).bytes + more > (room + uploads_->all_.bytes) / 2)
        throw Error(Errc::quota, "tenant " + tenant_ + " may have half of the host's disk for uploads",
                    "Send it when others are done, or in smaller files.")
            .with({std::chrono::seconds(10), "tenant_spool"});
}

void Uploads::Place::write(std::string_view piece) {
    check_room(piece.size());
    try {
        write_all(file_.get(), piece, "an upload");
    } catch (const Error&) {
        if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
            throw disk_full();
        throw;
    }
    size_ += piece.size();
    uploads_->all_.bytes += piece.size();
    uploads_->tenants_.at(tenant_).bytes += piece.size();
}

} // namespace sandbox::api
