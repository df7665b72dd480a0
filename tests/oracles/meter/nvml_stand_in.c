/* A library that speaks as much of the NVML ABI as sbi_network.meter.nvml uses, for machines without a GPU.
 *
 * Function names, argument lists, error numbers and struct layouts are those of nvml.h. The stand_in_* functions at the
 * end are the test's: they say what cards there are and let their counters run.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned int nvmlReturn_t;
enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, GPU_IS_LOST = 15 };

#define CARDS 8
#define METRICS 16

typedef struct {
    double active[METRICS];
    double cycles;
} Counters;

typedef struct {
    char name[96], uuid[96];
    int gpm, counts_energy, lost;
    unsigned long long energy_mj;
    Counters counters;
} Card;

typedef struct {
    unsigned int version, isSupportedDevice;
} Support;

typedef struct {
    unsigned int metricId;
    nvmlReturn_t nvmlReturn;
    double value;
    struct {
        char *shortName, *longName, *unit;
    } metricInfo;
} Metric;

typedef struct {
    unsigned int version, numMetrics;
    Counters *sample1, *sample2;
    Metric metrics[];
} MetricsGet;

static Card cards[CARDS];
static unsigned int count;
static nvmlReturn_t init_answer;
static int samples_held, open_count;

nvmlReturn_t nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    if (init_answer == SUCCESS) open_count++;
    return init_answer;
}
nvmlReturn_t nvmlShutdown(void) { open_count--; return SUCCESS; }
const char *nvmlErrorString(nvmlReturn_t error) { (void)error; return "as the test says"; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *out) { *out = count; return SUCCESS; }

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, Card **out) {
    if (index >= count) return INVALID_ARGUMENT;
    *out = &cards[index];
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetName(Card *card, char *out, unsigned int length) {
    strncpy(out, card->name, length);
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUUID(Card *card, char *out, unsigned int length) {
    strncpy(out, card->uuid, length);
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(Card *card, unsigned long long *out) {
    if (card->lost) return GPU_IS_LOST;
    if (!card->counts_energy) return NOT_SUPPORTED;
    *out = card->energy_mj;
    return SUCCESS;
}

nvmlReturn_t nvmlGpmQueryDeviceSupport(Card *card, Support *out) {
    if (out->version != 1) return INVALID_ARGUMENT;
    out->isSupportedDevice = (unsigned int)card->gpm;
    return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleAlloc(Counters **out) {
    *out = calloc(1, sizeof **out);
    samples_held++;
    return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleFree(Counters *sample) {
    free(sample);
    samples_held--;
    return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleGet(Card *card, Counters *sample) {
    if (card->lost) return GPU_IS_LOST;
    if (!card->gpm) return NOT_SUPPORTED;
    *sample = card->counters;
    return SUCCESS;
}

nvmlReturn_t nvmlGpmMetricsGet(MetricsGet *get) {
    if (get->version != 1 || !get->sample1 || !get->sample2) return INVALID_ARGUMENT;
    double cycles = get->sample2->cycles - get->sample1->cycles;
    for (unsigned int i = 0; i < get->numMetrics; i++) {
        Metric *metric = &get->metrics[i];
        if (metric->metricId >= METRICS) { metric->nvmlReturn = INVALID_ARGUMENT; continue; }
        double active = get->sample2->active[metric->metricId] - get->sample1->active[metric->metricId];
        metric->nvmlReturn = SUCCESS;
        metric->value = cycles != 0 ? 100.0 * active / cycles : NAN;
    }
    return SUCCESS;
}

void stand_in_start(unsigned int init) { memset(cards, 0, sizeof cards); count = 0; init_answer = init; }

void stand_in_add(const char *name, const char *uuid, int gpm, int counts_energy) {
    Card *card = &cards[count++];
    strncpy(card->name, name, sizeof card->name - 1);
    strncpy(card->uuid, uuid, sizeof card->uuid - 1);
    card->gpm = gpm;
    card->counts_energy = counts_energy;
}

void stand_in_cycle(unsigned int index, double cycles, unsigned int metric, double active) {
    cards[index].counters.cycles += cycles;
    cards[index].counters.active[metric] += active;
}

void stand_in_draw(unsigned int index, unsigned long long millijoules) { cards[index].energy_mj += millijoules; }
void stand_in_reset(unsigned int index) { cards[index].energy_mj = 0; memset(&cards[index].counters, 0, sizeof(Counters)); }
void stand_in_lose(unsigned int index, int lost) { cards[index].lost = lost; }
int stand_in_samples_held(void) { return samples_held; }
int stand_in_open_count(void) { return open_count; }
