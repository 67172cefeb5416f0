/* Covering what was found in staged mounts, in the engine's mount namespace: what awfd's broker
 * does for it (awfd/mount-masks.h). */
#pragma once

#include "awfd/mount-masks.h"

/* Mounts something empty over each, or fails; what is in no mount of the stage is refused. */
int mount_cover(const struct mount_masks_cover *c, struct err *e) _must_check_;
