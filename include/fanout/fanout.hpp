// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_FANOUT_HPP
#define FANOUT_FANOUT_HPP

// Everything that needs the standard library only.

#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/algorithm/wait.hpp"
#include "fanout/callback/c_checked.hpp"
#include "fanout/callback/concept.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/callback/receiver.hpp"
#include "fanout/callback/value_only.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/concept.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/combine/with.hpp"
#include "fanout/completion/concept.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/embedded.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/concept.hpp"
#include "fanout/refcount/lazy_seed.hpp"
#include "fanout/refcount/local.hpp"
#include "fanout/result.hpp"
#include "fanout/results.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/values.hpp"
#include "fanout/version.hpp"

#endif
