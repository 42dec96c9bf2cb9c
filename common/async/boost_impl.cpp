// SPDX-License-Identifier: Apache-2.0
// The compiled half of Asio, once for all programs (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
