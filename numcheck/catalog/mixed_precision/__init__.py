"""What training in narrow formats adds: updates that must survive, scales of losses, weights kept wider."""
