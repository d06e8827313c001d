# A child with a child of its own; both would live for longer than any test.
sleep 3600 &
echo ready
wait
