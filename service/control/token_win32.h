// Who a Windows access token stands for, and whether he may control the service.
#ifndef VREP_SERVICE_CONTROL_TOKEN_WIN32_H
#define VREP_SERVICE_CONTROL_TOKEN_WIN32_H

#include "base/status.h"

// Decides: SYSTEM and enabled members of Administrators may, all others get STATUS_ACCESS_DENIED.
// `token`: a HANDLE of an impersonation token with TOKEN_QUERY.
enum status control_token_check(void *token) MUST_CHECK;

// The token's user as "DOMAIN\name", or the SID where it has no name. Allocated; caller frees.
enum status control_token_account(void *token, char **account) MUST_CHECK;

#endif
