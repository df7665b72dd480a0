"""What tests share: people and their deeds, the chain underneath. No test, and no formula under test."""
