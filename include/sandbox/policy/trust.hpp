#pragma once

namespace sandbox::policy {

/// How much the loader trusts the file system. The launcher (root) takes files and folders, up to the root,
/// only where root owns them and nobody else can write them, and follows no link; the offline tools take any.
enum class Trust { root_owned_only, any_owner };

} // namespace sandbox::policy
