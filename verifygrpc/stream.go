package verifygrpc

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
)

// follow lets a stream in and stays with it.
func (d door) follow(server any, stream grpc.ServerStream, handler grpc.StreamHandler) error {
	ctx, err := d.enter(stream.Context())
	if err != nil {
		return err
	}
	s := &guarded{ServerStream: stream, ctx: ctx, door: d}
	err = handler(server, s)
	if refused := s.refused.Load(); refused != nil { // whatever the handler makes of it
		return *refused
	}
	return err
}

// guarded is a stream whose token is asked about with every message.
type guarded struct {
	grpc.ServerStream
	ctx     context.Context // with the claims
	door    door
	refused atomic.Pointer[error] // why nothing passes any more
}

// Context has the claims.
func (s *guarded) Context() context.Context { return s.ctx }

// RecvMsg asks after the message has come: it may have been awaited for hours.
func (s *guarded) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	return s.stillGood()
}

// SendMsg asks before the message goes.
func (s *guarded) SendMsg(message any) error {
	if err := s.stillGood(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(message)
}

// stillGood asks with the metadata that the stream came with. One message may be received while another is sent: the first
// refusal counts.
func (s *guarded) stillGood() error {
	if refused := s.refused.Load(); refused != nil {
		return *refused
	}
	if _, err := s.door.enter(s.ServerStream.Context()); err != nil {
		s.refused.CompareAndSwap(nil, &err)
		return *s.refused.Load()
	}
	return nil
}
