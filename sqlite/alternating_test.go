package sqlite_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/storehook"
)

// alternating sends every call to the other one of two stores on one file.
func alternating(stores [2]sallyport.Store) sallyport.Store {
	var calls atomic.Uint64
	return &storehook.Store{
		Around: func(ctx context.Context, _ string, call storehook.Call) error {
			return call(ctx, stores[calls.Add(1)%2])
		},
		Closing: func() error { return errors.Join(stores[0].Close(), stores[1].Close()) },
	}
}
