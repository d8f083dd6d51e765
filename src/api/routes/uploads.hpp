#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace sandbox::api {

/// The uploads that are under way. Each is on the disk of the host until it is whole: so a slow client holds
/// nothing of its session, and half a file never is one there. A tenant has a share of the places and of the
/// disk, so that it cannot take all of them; the last places are for tenants that have none, so that not even
/// many tenants can keep another one out for long.
class Uploads {
  public:
    static constexpr unsigned kMost = 64, kMostOfTenant = 8, kKeptForOthers = 16;

    class Place {
      public:
        Place(std::shared_ptr<Uploads> uploads, std::string tenant, UniqueFd file);
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place();

        /// Throws Error pressure, or quota, where the disk has no room for so many bytes more.
        void check_room(std::uint64_t more) const;
        /// Behind what is there. Throws the same.
        void write(std::string_view piece);
        std::uint64_t size() const { return size_; }
        UniqueFd release() { return std::move(file_); }

      private:
        std::shared_ptr<Uploads> uploads_;
        std::string tenant_;
        UniqueFd file_;
        std::uint64_t size_ = 0;
    };

    /// A place for one of this tenant's sessions; its file is made in `folder`, without a name. Throws Error
    /// capacity, quota; pressure where the disk is full.
    static std::unique_ptr<Place> enter(const std::shared_ptr<Uploads>& uploads, const std::string& tenant,
                                        const std::string& folder);

  private:
    struct Share {
        unsigned count = 0;
        std::uint64_t bytes = 0;
    };
    std::map<std::string, Share> tenants_;
    Share all_;
};

} // namespace sandbox::api
