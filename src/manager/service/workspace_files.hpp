#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Files of its workspace, by the launcher.
boost::asio::awaitable<OpenedFile> open_file(ContextPtr context, SessionPtr session, std::string path);
boost::asio::awaitable<OpenedFile> list_folder(ContextPtr context, SessionPtr session, std::string path,
                                               std::string after);
boost::asio::awaitable<StoredFile> put_file(ContextPtr context, SessionPtr session, NewFile file);
boost::asio::awaitable<void> remove_file(ContextPtr context, SessionPtr session, std::string path,
                                         protocol::Preconditions only_if);

} // namespace sandbox::manager
