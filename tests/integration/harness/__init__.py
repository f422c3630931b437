"""What the black-box tests share: starting nodes, speaking HTTP, vectors, the exact oracle."""
