package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/storehook"
)

// storeMetrics is how long the database takes, by the method of the Store, and how often it cannot answer.
type storeMetrics struct {
	duration *prometheus.HistogramVec
	failures *prometheus.CounterVec
}

func newStoreMetrics() storeMetrics {
	return storeMetrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sallyport_db_query_duration_seconds", Help: "Time of one step of the database, with its waiting.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"op"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_db_errors_total", Help: "Steps of the database that failed: unavailable, or a fault of the program.",
		}, []string{"class"}),
	}
}

// measure is the store with a stopwatch.
func (m storeMetrics) measure(store sallyport.Store) sallyport.Store {
	return &storehook.Store{
		Around: func(ctx context.Context, op string, call storehook.Call) error {
			start := time.Now()
			err := call(ctx, store)
			m.duration.WithLabelValues(op).Observe(time.Since(start).Seconds())
			if class := classOf(err); class != "" {
				m.failures.WithLabelValues(class).Inc()
			}
			return err
		},
		Closing: store.Close,
	}
}

// classOf is "" for an answer, be it a refusal.
func classOf(err error) string {
	if err == nil || errors.Is(err, context.Canceled) {
		return ""
	}
	if errors.Is(err, sallyport.ErrStoreUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return "unavailable"
	}
	for _, refusal := range []error{
		sallyport.ErrNotFound, sallyport.ErrChanged, sallyport.ErrNameTaken, sallyport.ErrEmailTaken, sallyport.ErrReplayed, sallyport.ErrIdentityTaken, sallyport.ErrLastWayIn, sallyport.ErrInvalidScope,
	} {
		if errors.Is(err, refusal) {
			return ""
		}
	}
	return "fault"
}
