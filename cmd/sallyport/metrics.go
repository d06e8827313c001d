package main

import (
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
)

// metrics is what /metrics shows. No label holds a user, an address or a text that a client chose.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.HistogramVec
	signIns   *prometheus.CounterVec
	exchanges *prometheus.CounterVec
	logins    *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	forwards  *prometheus.CounterVec
	limited   *prometheus.CounterVec
	store     storeMetrics
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sallyport_http_request_duration_seconds", Help: "Time to answer a request of the public listener.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method", "code"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_sign_ins_total", Help: "Sign-ins by their end: ok, or the code of the answer.",
		}, []string{"method", "result"}),
		exchanges: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_exchanges_total", Help: "Exchanges of a provider's token by their end: ok, or the code of the answer.",
		}, []string{"provider", "result"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_logins_total", Help: "Logins at a provider by their end: ok, or the code of the answer. One that is never finished is not counted.",
		}, []string{"provider", "result"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_refreshes_total", Help: "Refreshes of a genuine token by their end: the rule of the refresh machine, or the code of the answer.",
		}, []string{"result"}),
	}
	m.forwards = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sallyport_forward_requests_total", Help: "Requests of proxies with a genuine site cookie by their end: ok, or the code of the answer.",
	}, []string{"result"})
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sallyport_rate_limited_total", Help: "Requests that were refused by a limit: of the account, the address or the session.",
	}, []string{"rule"})
	m.store = newStoreMetrics()
	build := buildVersion()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sallyport_build_info", Help: "Always 1; its labels say what runs.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "go": runtime.Version()},
	})
	info.Set(1)
	started := prometheus.NewGauge(prometheus.GaugeOpts{Name: "sallyport_start_time_seconds", Help: "When the server started, in unix seconds."})
	started.Set(float64(time.Now().UnixMilli()) / 1000)
	m.registry.MustRegister(m.requests, m.signIns, m.exchanges, m.logins, m.refreshes, m.forwards, m.limited, m.store.duration, m.store.failures, info, started,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts what the service tells.
func (m *metrics) observe(o sallyport.Observation) {
	if limited, ok := errors.AsType[*sallyport.RateLimitError](o.Err); ok {
		m.limited.WithLabelValues(limited.Rule).Inc()
	}
	result := authhttp.Code(o.Err)
	switch o.Operation {
	case sallyport.OperationSignIn:
		m.signIns.WithLabelValues("password", result).Inc()
	case sallyport.OperationExchange:
		m.exchanges.WithLabelValues(o.Provider, result).Inc()
	case sallyport.OperationLogin:
		m.logins.WithLabelValues(o.Provider, result).Inc()
	case sallyport.OperationForward:
		m.forwards.WithLabelValues(result).Inc()
	case sallyport.OperationRefresh:
		if o.Err == nil {
			result = o.Rule.String()
		}
		m.refreshes.WithLabelValues(result).Inc()
	}
}

// request counts one answer. Its code is the stable code of an error, else the status.
func (m *metrics) request(route, method string, answer *answerWriter, duration time.Duration) {
	code := answer.code
	if code == "" {
		code = strconv.Itoa(answer.status)
	}
	m.requests.WithLabelValues(strings.TrimSuffix(route, "/"), method, code).Observe(duration.Seconds())
}

// register shows what a service holds: its signing keys, the revocation feed, and who waits for a hashing slot.
func (m *metrics) register(svc *sallyport.Service) {
	for name, gauge := range map[string]struct {
		help string
		of   func() int
	}{
		"sallyport_password_hash_slots":         {"Hashing slots in use.", func() int { running, _ := svc.Hashing(); return running }},
		"sallyport_password_hash_waiting":       {"Requests that wait for a hashing slot.", func() int { _, waiting := svc.Hashing(); return waiting }},
		"sallyport_revocation_feed_entries":     {"Entries of the revocation feed, as long as somebody follows it.", func() int { entries, _ := svc.Feed(); return entries }},
		"sallyport_revocation_feed_subscribers": {"Requests that wait for the next page of the feed.", func() int { _, waiting := svc.Feed(); return waiting }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: gauge.help}, func() float64 { return float64(gauge.of()) }))
	}
	m.registry.MustRegister(keyCollector{
		svc: svc,
		age: prometheus.NewDesc("sallyport_signing_key_age_seconds", "For how long the active key has signed; with several algorithms, the oldest.", nil, nil),
		all: prometheus.NewDesc("sallyport_signing_keys", "Published signing keys.", []string{"state"}, nil),
	})
}

// handler serves the metrics in the text format of Prometheus.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true})
}

// keyCollector reads the keys when they are asked for: their states follow from the clock.
type keyCollector struct {
	svc      *sallyport.Service
	age, all *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c keyCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.age
	to <- c.all
}

// Collect implements prometheus.Collector.
func (c keyCollector) Collect(to chan<- prometheus.Metric) {
	count := map[sallyport.KeyState]int{sallyport.KeyNext: 0, sallyport.KeyActive: 0, sallyport.KeyRetired: 0}
	var oldest time.Duration
	for _, k := range c.svc.SigningKeys() {
		count[k.State]++
		if k.State == sallyport.KeyActive {
			oldest = max(oldest, c.svc.Now().Sub(k.SignsFrom))
		}
	}
	if count[sallyport.KeyActive] > 0 {
		to <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, oldest.Seconds())
	}
	for state, n := range count {
		to <- prometheus.MustNewConstMetric(c.all, prometheus.GaugeValue, float64(n), string(state))
	}
}
