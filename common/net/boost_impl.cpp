// SPDX-License-Identifier: Apache-2.0
// The compiled halves of Asio's TLS and of Beast's HTTP parser, once for all programs.
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
