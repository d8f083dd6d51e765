#include "manager/service/reader_jobs.hpp"

#include "manager/audit/audit_search.hpp"
#include "manager/service/backup.hpp"
#include "manager/store/state_dir.hpp"
#include "sandbox/base/log.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {

asio::awaitable<AuditFound> search_trail(ContextPtr context, AuditQuery query, asio::thread_pool& reader) {
    const auto read = [](std::string folder, AuditQuery asked) -> asio::awaitable<AuditFound> {
        co_return manager::search_audit(folder, asked);
    };
    std::string folder = audit_folder(context->site);
    asio::awaitable<AuditFound> reading = read(std::move(folder), std::move(query));
    AuditFound found = co_await asio::co_spawn(reader, std::move(reading), asio::use_awaitable);
    co_return found;
}

asio::awaitable<Backup> make_backup(ContextPtr context, asio::thread_pool& reader) {
    const std::string copy = new_backup_path(context->site);
    co_await context->store.copy_to(copy);
    const auto pack = [](policy::Site site, std::string store) -> asio::awaitable<Backup> {
        co_return pack_backup(site, store);
    };
    asio::awaitable<Backup> packing = pack(context->site, copy);
    Backup backup = co_await asio::co_spawn(reader, std::move(packing), asio::use_awaitable);
    log::info("a backup of " + std::to_string(backup.size) + " bytes is made");
    co_return backup;
}

} // namespace sandbox::manager
