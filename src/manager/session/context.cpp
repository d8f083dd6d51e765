#include "manager/session/context.hpp"

#include "manager/session/launcher_client.hpp"
#include "manager/store/state_dir.hpp"

#include <utility>

namespace sandbox::manager {

Context::Context(boost::asio::io_context& its_io, policy::Site its_site, Tuning its_tuning)
    : io(its_io),
      site(std::move(its_site)),
      tuning(std::move(its_tuning)),
      catalog(site),
      launcher(std::make_shared<LauncherClient>(io, site.run_dir + "/launcher.sock", tuning)),
      slots(site.slots),
      store(io, store_path(site), open_audit(site)),
      audit_key(manager::audit_key(site)),
      boot_id(read_boot_id()),
      draining(was_draining(site)),
      reclaimer(io),
      kept_logs(std::make_shared<KeptLogs>(io, kept_logs_folder(site), site.logs, tuning.ended_age)),
      registry(tuning),
      probed_engines(tuning.probe_retry),
      admission(site, tuning, token_secret(site)),
      events(io.get_executor(), tuning.events_kept) {}

Context::~Context() = default;

} // namespace sandbox::manager
