/* Shared by the files that make a plan. */
#ifndef LE_PROFILE_PLAN_INTERNAL_H
#define LE_PROFILE_PLAN_INTERNAL_H

#include "loginetl/profile/plan.h"

struct le_planning {
    const struct le_plan_input *input;
    struct le_plan *plan;
    struct le_profile_fault *fault;
};

/* Each sets plan->source when it finds that it is meant, and leaves it at LE_PLAN_NONE otherwise.
 */
LE_MUST enum le_err le_plan_profile(struct le_planning *planning, struct le_span profile,
                                    bool with_environment);
LE_MUST enum le_err le_plan_container(struct le_planning *planning);
LE_MUST enum le_err le_plan_environment(struct le_planning *planning);
void le_plan_instance(struct le_planning *planning);

#endif
