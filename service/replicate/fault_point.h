// Places where a test may kill or stop the service. Compiled in only with -DVREP_FAULT_POINTS, and
// silent then too unless the environment names one: VREP_FAULT="name:count:action", where the
// count-th passage acts (0: every one), and action is kill, stop (block for ever) or sleep-MS.
#ifndef VREP_SERVICE_REPLICATE_FAULT_POINT_H
#define VREP_SERVICE_REPLICATE_FAULT_POINT_H

#ifdef VREP_FAULT_POINTS
void fault_point(const char *name);
#define FAULT_POINT(name) fault_point(name)
#else
#define FAULT_POINT(name) ((void)0)
#endif

#endif
