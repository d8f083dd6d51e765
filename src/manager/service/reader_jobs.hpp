#pragma once

#include "manager/session/context.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

/// What takes long and is read by a thread of its own: a trail may be a gigabyte, and no session waits for
/// that.
namespace sandbox::manager {

/// Throws Error as Manager::search_audit does.
boost::asio::awaitable<AuditFound> search_trail(ContextPtr context, AuditQuery query,
                                                boost::asio::thread_pool& reader);

/// The store's copy is made by its own thread, and put into the archive by the reader's. Throws Error.
boost::asio::awaitable<Backup> make_backup(ContextPtr context, boost::asio::thread_pool& reader);

} // namespace sandbox::manager
