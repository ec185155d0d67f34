/* What a core can do at most: multiply-adds in registers, and moving float64 numbers through a level of the caches.

   Compiled by ceilings.py, and called through ctypes. Every function does its work `passes` times and returns a number
   that depends on all of it. Vectors of 128, 256 and 512 bits are all tried: which is fastest differs between processors,
   and one that a processor lacks is made of shorter ones. */

/* Nothing before it may be moved behind it, so that no pass is merged with the next. */
#define BARRIER __asm__ volatile("" : : "r"(a), "r"(b), "r"(c) : "memory")

/* Twelve chains that do not wait for each other hide the latency of two units, and fit into 16 registers. They begin
   apart, or the compiler would see that they are one. */
#define MULTIPLY_ADD(BITS)                                                                                            \
    double multiply_add_##BITS(long passes, long n, double *x, double *y, double *z)                                  \
    {                                                                                                                 \
        typedef double vector __attribute__((vector_size(BITS / 8)));                                                 \
        const double a = x[0], b = x[1];                                                                              \
        vector v0 = {0}, v1 = v0 + b, v2 = v1 + b, v3 = v2 + b, v4 = v3 + b, v5 = v4 + b;                             \
        vector v6 = v5 + b, v7 = v6 + b, v8 = v7 + b, v9 = v8 + b, v10 = v9 + b, v11 = v10 + b;                       \
        for (long pass = 0; pass < passes; pass++) {                                                                  \
            v0 = v0 * a + b, v1 = v1 * a + b, v2 = v2 * a + b, v3 = v3 * a + b;                                       \
            v4 = v4 * a + b, v5 = v5 * a + b, v6 = v6 * a + b, v7 = v7 * a + b;                                       \
            v8 = v8 * a + b, v9 = v9 * a + b, v10 = v10 * a + b, v11 = v11 * a + b;                                   \
        }                                                                                                             \
        v0 += v1 + v2 + v3 + v4 + v5 + v6 + v7 + v8 + v9 + v10 + v11;                                                 \
        double sum = 0;                                                                                               \
        for (int lane = 0; lane < BITS / 64; lane++)                                                                  \
            sum += v0[lane];                                                                                          \
        return sum;                                                                                                   \
    }

/* x, y and z hold n numbers each; n is a multiple of 64, and they begin at a multiple of 64 bytes. */
#define MOVING(NAME, BITS, START, BODY, RESULT)                                                                       \
    double NAME##_##BITS(long passes, long n, double *x, double *y, double *z)                                        \
    {                                                                                                                 \
        typedef double vector __attribute__((vector_size(BITS / 8), may_alias));                                      \
        const long vectors = n / (BITS / 64);                                                                         \
        vector *restrict a = (vector *)x, *restrict b = (vector *)y, *restrict c = (vector *)z;                       \
        START for (long pass = 0; pass < passes; pass++)                                                              \
        {                                                                                                             \
            for (long i = 0; i < vectors; i += 8) {                                                                   \
                BODY                                                                                                  \
            }                                                                                                         \
            BARRIER;                                                                                                  \
        }                                                                                                             \
        RESULT                                                                                                        \
    }

#define EIGHT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

#define SUM_START(k) vector sum##k = {0};
#define SUM(k) sum##k += a[i + k];
#define SUM_RESULT return (sum0 + sum1 + sum2 + sum3 + sum4 + sum5 + sum6 + sum7)[0];
#define COPY(k) a[i + k] = b[i + k];
#define SCALE(k) a[i + k] *= 1.0000001;
#define TRIAD(k) a[i + k] = b[i + k] + 0.5 * c[i + k];
#define NOTHING return a[0][0];

#define ALL(BITS)                                                                                                     \
    MULTIPLY_ADD(BITS)                                                                                                \
    MOVING(sum, BITS, EIGHT(SUM_START), EIGHT(SUM), SUM_RESULT)                                                       \
    MOVING(copy, BITS, , EIGHT(COPY), NOTHING)                                                                        \
    MOVING(scale, BITS, , EIGHT(SCALE), NOTHING)                                                                      \
    MOVING(triad, BITS, , EIGHT(TRIAD), NOTHING)

ALL(128)
ALL(256)
ALL(512)
